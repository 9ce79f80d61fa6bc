"""What each address of one thing is asked with where nothing of the asker's own is meant: mostly what is not there."""

from __future__ import annotations

from uuid import uuid4

A_FILE = {"file_id": "00000000-0000-4000-8000-000000000000"}
COMMON = {"problem": {"code": "busy"}, "event": {"event_id": "m-own"}, "file": A_FILE, "file-errors": A_FILE, "file-back": A_FILE,
          "partner-file": A_FILE, "partner-file-back": A_FILE,
          "partner-message": {"message_id": 1}, "partner-check": {"run_id": 1}, "partner-report": {"run_id": 1},
          "told-browser-end": {"number": 1},
          "sign-in-link": {"token": "x"}, "till": {"token": "x"}, "recover-stop": {"token": "x"}, "contact-undo": {"token": "x"},
          "authorise": {"party_code": "sample-app"}, "tokens-end": {"party_code": "sample-app"}, "log-tile": {"address": "0/000"},
          "log-opening": {"index": 0}, "privacy-copy": {"form": "json"}, "request-answer": {"request_id": 1},
          "security-remove": {"factor_id": 1}, "break-step": {"break_id": 1}, "anomaly": {"number": 1},
          "quarantine-proposal": {"number": 1},
          "anomaly-appeal": {"number": 1},
          "proposal": {"number": 1}, "proposal-compare": {"number": 1}, "audit-file": {"form": "jsonl"},
          "statement-file": {"month": "2026-01", "form": "json"},
          "v1:statement_json": {"?": "first=2026-01-01&last=2026-01-31"},
          "v1:statement_paper": {"?": "first=2026-01-01&last=2026-01-31"},
          "v1:account_at": {"?": "moment=2026-01-01T00:00:00Z"}}  # fmt: skip
COMMON |= {name: {"application_id": uuid4()} for name in ("application", "application-finding", "application-propose",
                                                         "application-contact-refuse", "application-state",
                                                         "application-submit", "application-mend")}  # fmt: skip
COMMON |= {
    "application-paper": {"application_id": uuid4(), "document_id": 1},
    "application-document": {"application_id": uuid4(), "kind": "registration"},
    "joining-notice": {"notice_id": 1},
    "partner-notice": {"notice_id": 1},
    "notice-answer": {"notice_id": 1},
}
COMMON |= {
    f"sharing-{name}": {"request_id": uuid4()} for name in ("one", "revoke", "request", "figures", "people")
}
