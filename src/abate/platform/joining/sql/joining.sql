-- name: unsettled
-- Codes that a person can still bring (who left has no account to bring one from), and files that are not booked to their end.
select (select count(*) from incentives_code code join incentives_offer offer on offer.id = code.offer_id
        join people_person person on person.id = code.person_id and person.status = 'active'
        where offer.party_id = %(party)s and code.burnt_at is null and code.cancelled_at is null
              and code.expires_at > %(now)s),
       (select count(*) from events_file where party_id = %(party)s and state = 1)

-- name: settlement
-- All that was booked of its events and not taken back, and of the codes of its offers: what a final account names.
select booked.events, booked.carbon_mg, booked.credits, booked.taken_back, code.issued, code.burnt, code.given_back, code.credits_burnt
from (select count(*) filter (where undone.entry_id is null) as events,
             coalesce(sum(entry.carbon_mg) filter (where undone.entry_id is null), 0) as carbon_mg,
             coalesce(sum(entry.credits) filter (where undone.entry_id is null), 0) as credits,
             count(undone.entry_id) as taken_back
      from ledger_entry entry
      left join ledger_reversal undone on undone.person_id = entry.person_id and undone.entry_id = entry.id
      where entry.kind = 1 and entry.cause_party = %(party)s) booked
cross join (select count(*) as issued, count(code.burnt_at) as burnt, count(code.cancelled_at) as given_back,
                   coalesce(sum(offer.price_credits) filter (where code.burnt_at is not null), 0) as credits_burnt
            from incentives_code code join incentives_offer offer on offer.id = code.offer_id
            where offer.party_id = %(party)s) code

-- name: quality
-- Per party, of what arrived from %(from)s to %(until)s: events kept and how many of them came later than %(late)s after
-- the act, events refused, and events of whatever time that were taken back then: for a dispute or untruth (by their party, or
-- by a confirmed case), or otherwise.
-- Quantities computed again by the operator (via revalue) arrived before and are not the party's doing.
with batch as (
    select id, party_id, received_at from events_batch
    where received_at >= %(from)s and received_at < %(until)s and via <> 'revalue'
          and (%(party)s::int is null or party_id = %(party)s)
), kept as (
    select batch.party_id, count(*) as accepted,
           count(*) filter (where batch.received_at - quantity.occurred_at > %(late)s) as late
    from batch
    join carbon_quantity quantity on quantity.batch_id = batch.id and quantity.party_id = batch.party_id
    group by batch.party_id
), refused as (
    select party_id, count(*) as refused from events_refusal
    where at >= %(from)s and at < %(until)s and (%(party)s::int is null or party_id = %(party)s)
    group by party_id
), back as (
    select party_id, sum(disputed)::bigint as disputed, sum(corrected)::bigint as corrected
    from (
        select party_id, count(*) filter (where cause in ('dispute', 'fraud')) as disputed,
               count(*) filter (where cause not in ('dispute', 'fraud')) as corrected
        from events_withdrawal
        where at >= %(from)s and at < %(until)s and (%(party)s::int is null or party_id = %(party)s)
        group by party_id
        union all
        -- What a case of anomalies that stands took back.
        select record.party_id, count(*), 0
        from anomalies_step step
        join anomalies_case cases on cases.id = step.case_id and cases.state in (2, 4, 5)
        join anomalies_record record on record.case_id = cases.id and record.came = 'taken_back'
        where step.stage = 1 and step.at >= %(from)s and step.at < %(until)s
              and (%(party)s::int is null or record.party_id = %(party)s)
        group by record.party_id
    ) told
    group by party_id
)
select party.code, coalesce(kept.accepted, 0), coalesce(kept.late, 0), coalesce(refused.refused, 0),
       coalesce(back.corrected, 0), coalesce(back.disputed, 0)
from parties_party party
left join kept on kept.party_id = party.id
left join refused on refused.party_id = party.id
left join back on back.party_id = party.id
where coalesce(kept.accepted, 0) + coalesce(refused.refused, 0) + coalesce(back.corrected, 0)
      + coalesce(back.disputed, 0) > 0
order by party.code

-- name: seen_of_run
-- What the books of the sandbox hold of one run of the conformance kit: its events are called check-RUN-NUMBER.
select (select count(*) from events_seen where party_id = %(party)s and event_id like %(run)s),
       (select coalesce(array_agg(distinct kind::int), '{}') from events_withdrawal
        where party_id = %(party)s and event_id like %(run)s),
       (select coalesce(array_agg(distinct code), '{}') from events_refusal
        where party_id = %(party)s and event_id like %(run)s),
       (select coalesce(array_agg(distinct basis.behaviour), '{}')
        from carbon_quantity quantity join carbon_basis basis on basis.id = quantity.basis_id
        where quantity.party_id = %(party)s and quantity.event_id like %(run)s)
