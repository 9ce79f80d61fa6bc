-- name: lock_balance
select credits from ledger_balance where person_id = %(person)s for update
