-- name: differ_ends
select count(*)
from incentives_code code
left join ledger_reversal undone on undone.person_id = code.person_id and undone.entry_id = code.entry_id
where (code.cancelled_at is null) <> (undone.entry_id is null)

-- name: differ_burnt
-- What was burnt before the oldest row of the trail, no row can tell of. Once seals were emptied, neither can one of what was
-- burnt before the last of them was made: rows go by seals, and one that was written late may be older than others that are
-- gone. A minute is for clocks that are apart.
with told as materialized (
    select distinct subject from review_audit where what = 'code.burn' and act = 'write'
), since as materialized (
    select coalesce((select max(at) + interval '1 minute' from review_audit_seal where pruned_at is not null),
                    (select min(at) from review_audit)) as at
)
select (select count(*) from told left join incentives_code code on code.id::text = told.subject
        where code.burnt_at is null)
     + (select count(*) from incentives_code code left join told on told.subject = code.id::text
        where told.subject is null and code.burnt_at >= (select at from since))
     -- Whose deed the trail tells of, and when: both moments are of one request. Half a day is for a clock that is set while it
     -- runs, also by a whole zone.
     + (select count(*)
        from review_audit told
        join incentives_code code on code.id::text = told.subject
        left join review_user who on who.handle = told.account
        where told.what = 'code.burn' and told.act = 'write'
          and (abs(extract(epoch from told.at - code.burnt_at)) > 43200 or who.id <> code.burnt_by_id))

-- name: differ_signs
select count(*)
from incentives_code code
full join incentives_codekey sign using (code_hmac)
where (code.person_id, code.id) is distinct from (sign.person_id, sign.code_id)

-- name: wrong_codes
select person_id, entry_id
from (select person_id, entry_id, order_id::text as cause from incentives_code) code
full join (select person_id, id as entry_id, cause from ledger_entry where kind = 3) entry using (person_id, entry_id)
where code.cause is distinct from entry.cause

-- name: differ_terms
-- A code is what its entry paid for: the price of its offer, which nobody changes, made at the moment of the entry while the offer
-- ran, and good for the days it gives; given back when its entry was undone. Two moments of one request are held together as in
-- `burnt`; of two requests none is before the other, for a clock may go back. That both are there `codes` says.
select count(*)
from incentives_code code
join ledger_entry entry on (entry.person_id, entry.id) = (code.person_id, code.entry_id)
left join incentives_offer offer on offer.id = code.offer_id
left join ledger_reversal undone on (undone.person_id, undone.entry_id) = (code.person_id, code.entry_id)
left join ledger_entry back on (back.person_id, back.id) = (undone.person_id, undone.reverse_id)
where offer.id is null or entry.credits <> -offer.price_credits
   or code.expires_at <> code.issued_at + make_interval(hours => 24 * offer.valid_days)
   or code.issued_at < offer.from_at or code.issued_at >= offer.to_at or code.burnt_at >= code.expires_at
   or abs(extract(epoch from code.issued_at - entry.at)) > 43200
   or abs(extract(epoch from code.cancelled_at - back.at)) > 43200

-- name: differ_stock
-- Of an offer that three people decided, the stock is what they put there less the codes that were not given back; and one
-- that they took off the list is not on it. A text that is no JSON `decisions` names.
with decided as materialized (
    select proposal.action,
           case when pg_input_is_valid(proposal.arguments, 'jsonb') then proposal.arguments::jsonb end as given
    from review_proposal proposal
    join review_step step on step.proposal_id = proposal.id and step.kind = 'approve'
    where proposal.action in ('offer.create', 'offer.end')
), out as materialized (
    select offer_id, count(*) as codes from incentives_code where cancelled_at is null group by offer_id
)
select count(*)
from decided
join incentives_offer offer on offer.id::text = given ->> 'offer'
left join out on out.offer_id = offer.id
where case action when 'offer.end' then offer.active
                  else given -> 'stock' <> to_jsonb(offer.stock + coalesce(out.codes, 0)) end
