-- name: drop_records
-- The record, and what was computed of it, of what credits nothing, where it came in, or was put in the place of another,
-- before %(before)s. What waits in quarantine stays until something stands in its place, and so does what a case about it
-- is not through with, or what a duty to keep records covers (a verifier may ask what was not counted). The event's id and its digest stay: the id goes on to mean what it meant.
update carbon_kept kept
set record = null, be_mg = null, pe_mg = null, le_mg = null, er_mg = null, dropped_at = %(at)s
from events_batch batch
where batch.id = kept.batch_id and batch.received_at < %(before)s and kept.record is not null
      and (kept.outcome <> 4
           or exists (select from carbon_revision later
                      where (later.person_id, later.old_batch_id, later.old_place)
                            = (kept.person_id, kept.batch_id, kept.place)))
      and not exists (select from anomalies_case cases
                      where cases.state in (1, 4, 7)
                            and cases.id = case when starts_with(kept.reason, 'anomaly:')
                                                then split_part(kept.reason, ':', 4)::bigint end)
      and not exists (select from ledger_duty duty
                      join carbon_basis basis on basis.behaviour = duty.behaviour
                      where basis.id = kept.basis_id and kept.day between duty.first_day and duty.last_day
                            and duty.keep_until >= %(today)s)
