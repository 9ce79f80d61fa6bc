"""A person's statement of a month: what it sums up to, and the two files of it."""

from __future__ import annotations

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from abate.platform.ledger.statement import Period
from abate.platform.log import queries as log
from abate.platform.people.models import Person
from abate.platform.web import screen, statement, statement_pdf
from abate.platform.web.access import Missing, person_page
from abate.platform.web.wording import english


@require_safe
@person_page
def page(request: HttpRequest, person: Person) -> HttpResponse:
    """Choose a month; see opening, movements and closing; take the files."""
    months = statement.months(person)
    chosen = _month(request.GET.get("month", "")) or months[0]
    first, last = statement.month(chosen)
    told = statement.summary(person, first, last)
    context = {
        "months": months,
        "chosen": chosen,
        "first": first,
        "last": last,
        "told": told,
        "lines": [
            (name, getattr(told.opening, name), *_moved(told, name), getattr(told.closing, name))
            for name in ("carbon_mg", "credits", "held")
        ],
        "pending": len(told.lines) - len(log.numbered(person.pk, [line.id for line in told.lines])),
        "paper": statement_pdf.font() is not None,
        "signed": log.checkpoint() is not None,
    }
    return screen.show(request, "statement", context, section="home")


@require_safe
@person_page
def file(request: HttpRequest, person: Person, month: str, form: str) -> HttpResponse:
    """The month's statement as a file."""
    chosen = _month(month)
    if chosen is None:
        raise Missing
    told = statement.make(person, *statement.month(chosen))
    if form == "pdf":
        answer = HttpResponse(statement_pdf.render(told, person.made_up), content_type="application/pdf")
    else:
        answer = HttpResponse(told.text(), content_type="application/json")
    name = f"abate-statement-{month}{'-en' if form == 'pdf' and english() else ''}.{form}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _month(text: str) -> date | None:
    """The first day of `2026-11`; None for anything else."""
    try:
        return date.fromisoformat(f"{text}-01") if len(text) == 7 else None
    except ValueError:
        return None


def _moved(told: Period, name: str) -> tuple[int, int]:
    changes = [getattr(row, name) for row in told.lines]
    return sum(n for n in changes if n > 0), sum(n for n in changes if n < 0)
