-- name: lock_balance
select credits from ledger_balance where person_id = %(person)s for update

-- name: redeem
-- The balance row is locked by the statement before, so the id drawn here is this person's newest.
with taken as (
    update ledger_balance
    set credits = credits - %(credits)s, entries = entries + 1, updated_at = %(at)s
    where person_id = %(person)s
    returning carbon_mg, credits
), numbered as materialized (
    select taken.carbon_mg, taken.credits, person.pseudonym, person.commit_key,
           nextval('ledger_entry_id_seq') as id
    from taken, people_person person
    where person.id = %(person)s
), line as materialized (
    select id, carbon_mg, credits,
           abate_leaf(%(kind)s, 0, -%(credits)s::bigint, %(at)s, %(nothing)s, %(nothing)s,
                      sha256(convert_to(%(cause)s, 'UTF8')),
                      abate_commitment(abate_salt(commit_key, id),
                                       sha256(convert_to(abate_personal_redeem(pseudonym, %(cause)s, %(credits)s),
                                                         'UTF8')))) as leaf
    from numbered
), pending as (
    insert into log_pending (person_id, entry_id, leaf, hash)
    select %(person)s, id, leaf, abate_leaf_hash(leaf) from line
)
insert into ledger_entry (person_id, id, kind, at, day, carbon_mg, credits, carbon_after, credits_after, counter,
                          cause_party, cause, leaf_hash)
select %(person)s, id, %(kind)s, %(at)s, %(day)s, 0, -%(credits)s::bigint, carbon_mg, credits, %(counter)s,
       null, %(cause)s, abate_leaf_hash(leaf)
from line
returning person_id, id, kind, at, day, carbon_mg, credits, carbon_after, credits_after, counter, cause_party,
          cause, leaf_hash
