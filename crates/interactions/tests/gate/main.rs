//! What the gate shows and lets be written: people with tokens before a small nation, on SQLite and PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::tests_outside_test_module,
    clippy::disallowed_methods,
    clippy::cognitive_complexity,
    clippy::needless_pass_by_value,
    reason = "a test that cannot go on has failed"
)]

mod audited;
mod binaries;
mod consents;
mod doors;
mod looking;
mod nation;
mod others;
mod writing;

/// Makes of each `async fn name(nation: &Nation)` a test on SQLite and one on PostgreSQL.
macro_rules! on_both {
    ($module:ident: $($name:ident),+ $(,)?) => {
        mod $module {
            mod sqlite {
                $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
                    crate::$module::$name(&crate::nation::Nation::sqlite().await).await;
                })+
            }
            mod postgres {
                $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
                    crate::$module::$name(&crate::nation::Nation::postgres().await).await;
                })+
            }
        }
    };
}

mod tests {
    on_both!(looking:
        a_hidden_resource_is_not_there,
        searches_show_and_count_visible_rows_only,
        includes_stay_inside,
        chains_and_has_look_only_at_visible_rows,
        scopes_with_conditions_are_never_widened,
        each_version_is_judged_by_itself,
        cursors_are_personal,
        batches_and_transactions_are_no_way_around,
    );
    on_both!(writing:
        nobody_writes_outside_their_rows,
        conditions_find_visible_rows_only,
        interns_write_what_is_preliminary,
        labels_and_audit_stay,
    );
    on_both!(binaries:
        a_binary_is_as_open_as_what_protects_it,
        content_is_part_of_everything,
    );
    on_both!(consents:
        an_insurer_reads_with_consent_only,
        an_insurer_sees_what_it_needs,
        an_insurer_reads_of_who_was_insured_then,
        an_answer_shows_no_more_than_its_claim,
        a_denial_wins,
        what_is_in_a_resource_decides,
        relatives_act_as_far_as_they_are_let,
        a_guardian_acts_until_majority,
        interns_and_clients_are_what_the_record_says,
    );
    on_both!(audited:
        an_answer_shows_all_that_was_done_before,
        events_follow_the_patterns,
        patients_see_who_saw_their_record,
        writes_are_recorded_with_what_they_write,
        refusals_are_recorded_and_say_nothing,
        why_it_was_refused_is_for_auditors,
        an_emergency_is_reasoned_told_and_reviewed,
    );
    on_both!(doors:
        what_is_hidden_orders_and_filters_nothing,
        patches_and_meta_operations_are_writes,
        a_reference_tells_nothing_of_its_target,
        every_label_has_to_be_cleared,
    );
    on_both!(others:
        each_role_sees_its_part,
        a_panel_follows_its_care_team,
        tokens_without_a_patient_open_nothing,
    );
}
