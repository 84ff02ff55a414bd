//! The tables as diesel sees them; a test compares this file with the migrated database.

diesel::table! {
    tenants (id) {
        id -> Uuid,
        slug -> Text,
        name -> Text,
        time_zone -> Text,
        currency -> Text,
        region -> Text,
        locale -> Text,
        created_at -> Timestamptz,
        task_escalation_minutes -> Int4,
        version -> Int4,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    departments (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        parent_id -> Nullable<Uuid>,
        name -> Text,
        path -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
        manager_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    roles (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        key -> Text,
        name -> Text,
        permissions -> Array<Text>,
        data_scope -> Text,
        built_in -> Bool,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    users (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        email -> Text,
        name -> Text,
        password_hash -> Nullable<Text>,
        department_id -> Uuid,
        role_id -> Uuid,
        locale -> Text,
        time_zone -> Nullable<Text>,
        disabled_at -> Nullable<Timestamptz>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sessions (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        salt -> Bytea,
        generation -> Int4,
        user_agent -> Nullable<Text>,
        address -> Nullable<Text>,
        created_at -> Timestamptz,
        rotated_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        revoked_reason -> Nullable<Text>,
    }
}

diesel::table! {
    api_clients (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        permissions -> Array<Text>,
        data_scope -> Text,
        department_id -> Uuid,
        secret_hash -> Bytea,
        disabled_at -> Nullable<Timestamptz>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    api_keys (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        client_id -> Uuid,
        name -> Text,
        prefix -> Text,
        secret_hash -> Bytea,
        permissions -> Array<Text>,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    events (tenant_id, seq, at) {
        tenant_id -> Uuid,
        seq -> Int8,
        at -> Timestamptz,
        xid -> Int8,
        #[sql_name = "type"]
        type_ -> Text,
        subject_type -> Text,
        subject_id -> Uuid,
        customer_id -> Nullable<Uuid>,
        actor_type -> Text,
        actor_id -> Nullable<Uuid>,
        request_id -> Nullable<Text>,
        version -> Nullable<Int4>,
        changes -> Jsonb,
    }
}

diesel::table! {
    idempotency_keys (tenant_id, principal_id, method, path, key) {
        tenant_id -> Uuid,
        principal_id -> Uuid,
        method -> Text,
        path -> Text,
        key -> Text,
        request_hash -> Bytea,
        status -> Int2,
        answer -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    external_ids (tenant_id, subject_type, system, external_id) {
        tenant_id -> Uuid,
        subject_type -> Text,
        system -> Text,
        external_id -> Text,
        subject_id -> Uuid,
    }
}

diesel::table! {
    search_terms (tenant_id, field, term, subject_id, source_id) {
        tenant_id -> Uuid,
        subject_id -> Uuid,
        source_id -> Uuid,
        field -> Int2,
        term -> Text,
    }
}

diesel::table! {
    customers (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        number -> Text,
        kind -> Text,
        name -> Text,
        credit_code -> Nullable<Text>,
        phone -> Nullable<Text>,
        email -> Nullable<Text>,
        website -> Nullable<Text>,
        grade -> Nullable<Text>,
        vip -> Bool,
        lifecycle_stage -> Text,
        industry -> Nullable<Text>,
        industry_detail -> Nullable<Text>,
        staff_count -> Nullable<Int4>,
        annual_revenue_amount -> Nullable<Numeric>,
        annual_revenue_currency -> Nullable<Text>,
        source -> Nullable<Text>,
        pain_points -> Array<Text>,
        tags -> Array<Text>,
        address -> Nullable<Jsonb>,
        born_on -> Nullable<Date>,
        notes -> Nullable<Text>,
        external_ids -> Jsonb,
        owner_id -> Nullable<Uuid>,
        department_id -> Uuid,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
        custom -> Jsonb,
        custom_texts -> Array<Text>,
        completeness -> Int2,
        missing -> Array<Text>,
        merged_into_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    custom_fields (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        object_type -> Text,
        key -> Text,
        label -> Text,
        help -> Nullable<Text>,
        kind -> Text,
        customer_kinds -> Array<Text>,
        required -> Bool,
        is_unique -> Bool,
        filterable -> Bool,
        searchable -> Bool,
        default_value -> Nullable<Jsonb>,
        limits -> Jsonb,
        choices -> Jsonb,
        position -> Int4,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    field_standards (tenant_id, customer_kind) {
        tenant_id -> Uuid,
        customer_kind -> Text,
        rules -> Jsonb,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    tags (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        color -> Nullable<Text>,
        group_name -> Nullable<Text>,
        description -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    duplicate_pairs (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        first_id -> Uuid,
        second_id -> Uuid,
        score -> Int2,
        reasons -> Array<Text>,
        origin -> Text,
        state -> Text,
        assignee_id -> Nullable<Uuid>,
        note -> Nullable<Text>,
        decided_by_type -> Nullable<Text>,
        decided_by_id -> Nullable<Uuid>,
        decided_at -> Nullable<Timestamptz>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    customer_merges (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        survivor_id -> Uuid,
        merged_id -> Uuid,
        survivor_before -> Jsonb,
        survivor_after -> Jsonb,
        merged_before -> Jsonb,
        moved -> Jsonb,
        note -> Nullable<Text>,
        merged_by_type -> Text,
        merged_by_id -> Nullable<Uuid>,
        undone_by_type -> Nullable<Text>,
        undone_by_id -> Nullable<Uuid>,
        undone_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    customer_reads (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        customer_id -> Uuid,
        actor_type -> Text,
        actor_id -> Nullable<Uuid>,
        request_id -> Nullable<Text>,
        at -> Timestamptz,
    }
}

diesel::table! {
    handovers (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        to_owner_id -> Uuid,
        with_tasks -> Bool,
        note -> Nullable<Text>,
        customer_count -> Int8,
        task_count -> Int8,
        summary -> Jsonb,
        created_by_type -> Text,
        created_by_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        undone_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    handover_items (tenant_id, handover_id, customer_id) {
        tenant_id -> Uuid,
        handover_id -> Uuid,
        customer_id -> Uuid,
        from_owner_id -> Nullable<Uuid>,
        task_ids -> Array<Uuid>,
    }
}

diesel::table! {
    object_definitions (tenant_id, object_type) {
        tenant_id -> Uuid,
        object_type -> Text,
        version -> Uuid,
    }
}

diesel::table! {
    custom_unique_values (tenant_id, field_id, value) {
        tenant_id -> Uuid,
        field_id -> Uuid,
        value -> Text,
        subject_id -> Uuid,
    }
}

diesel::table! {
    contacts (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        customer_id -> Uuid,
        name -> Text,
        title -> Nullable<Text>,
        phones -> Jsonb,
        emails -> Jsonb,
        decision_role -> Nullable<Text>,
        is_primary -> Bool,
        born_on -> Nullable<Date>,
        notes -> Nullable<Text>,
        external_ids -> Jsonb,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
        custom -> Jsonb,
        custom_texts -> Array<Text>,
    }
}

diesel::table! {
    workers (id) {
        id -> Uuid,
        host -> Text,
        process -> Int4,
        started_at -> Timestamptz,
        seen_at -> Timestamptz,
        silence -> Int8,
    }
}

diesel::table! {
    jobs (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        state -> Text,
        priority -> Int2,
        payload -> Jsonb,
        unique_key -> Nullable<Text>,
        requested_by_type -> Nullable<Text>,
        requested_by_id -> Nullable<Uuid>,
        run_at -> Timestamptz,
        attempts -> Int4,
        max_attempts -> Int4,
        worker_id -> Nullable<Uuid>,
        last_error -> Nullable<Text>,
        created_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        lane -> Int2,
    }
}

diesel::table! {
    job_schedules (tenant_id, name) {
        tenant_id -> Uuid,
        name -> Text,
        kind -> Text,
        payload -> Jsonb,
        priority -> Int2,
        max_attempts -> Int4,
        requested_by_type -> Nullable<Text>,
        requested_by_id -> Nullable<Uuid>,
        cron -> Text,
        time_zone -> Text,
        next_at -> Timestamptz,
        last_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    operations (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        done -> Int8,
        total -> Nullable<Int8>,
        checkpoint -> Nullable<Jsonb>,
        result -> Nullable<Jsonb>,
        cancel_requested_at -> Nullable<Timestamptz>,
        cancelled_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhooks (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        url -> Text,
        event_types -> Array<Text>,
        filter -> Nullable<Text>,
        secret -> Bytea,
        previous_secret -> Nullable<Bytea>,
        previous_secret_until -> Nullable<Timestamptz>,
        listens_after -> Text,
        period -> Int4,
        disabled_at -> Nullable<Timestamptz>,
        disabled_reason -> Nullable<Text>,
        failing_since -> Nullable<Timestamptz>,
        busy_until -> Nullable<Timestamptz>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    log_places (tenant_id, follower) {
        tenant_id -> Uuid,
        first_xid -> Int8,
        behind_xid -> Int8,
        seq -> Int8,
        follower -> Text,
    }
}

diesel::table! {
    webhook_deliveries (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        webhook_id -> Uuid,
        period -> Int4,
        message_id -> Text,
        event_type -> Text,
        event_seq -> Nullable<Int8>,
        event_at -> Nullable<Timestamptz>,
        origin -> Text,
        state -> Text,
        attempts -> Int4,
        next_at -> Nullable<Timestamptz>,
        later -> Bool,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhook_attempts (tenant_id, delivery_id, number) {
        tenant_id -> Uuid,
        delivery_id -> Uuid,
        number -> Int4,
        at -> Timestamptz,
        duration_ms -> Int4,
        status -> Nullable<Int2>,
        error -> Nullable<Text>,
        response -> Nullable<Text>,
    }
}

diesel::table! {
    files (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        media_type -> Text,
        size -> Int8,
        sha256 -> Bytea,
        uploaded_by_type -> Text,
        uploaded_by_id -> Nullable<Uuid>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    file_links (tenant_id, file_id, subject_type, subject_id) {
        tenant_id -> Uuid,
        file_id -> Uuid,
        subject_type -> Text,
        subject_id -> Uuid,
        document_kind -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    activities (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        direction -> Nullable<Text>,
        subject -> Text,
        body -> Nullable<Text>,
        outcome -> Nullable<Text>,
        started_at -> Timestamptz,
        duration_seconds -> Nullable<Int4>,
        participants -> Jsonb,
        items -> Jsonb,
        external_ids -> Jsonb,
        owner_id -> Nullable<Uuid>,
        department_id -> Uuid,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    activity_links (tenant_id, activity_id, subject_id) {
        tenant_id -> Uuid,
        activity_id -> Uuid,
        subject_id -> Uuid,
        customer_id -> Nullable<Uuid>,
        contact_id -> Nullable<Uuid>,
        started_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    tasks (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        title -> Text,
        description -> Nullable<Text>,
        state -> Text,
        priority -> Text,
        due_at -> Nullable<Timestamptz>,
        due_order -> Timestamptz,
        time_zone -> Text,
        recurrence -> Nullable<Text>,
        series_id -> Nullable<Uuid>,
        occurrence -> Nullable<Int4>,
        series_starts_at -> Nullable<Timestamptz>,
        scheduled_at -> Nullable<Timestamptz>,
        escalate_after_minutes -> Nullable<Int4>,
        escalate_at -> Nullable<Timestamptz>,
        escalated_at -> Nullable<Timestamptz>,
        customer_id -> Nullable<Uuid>,
        contact_id -> Nullable<Uuid>,
        checklist -> Jsonb,
        external_ids -> Jsonb,
        assignee_id -> Uuid,
        department_id -> Uuid,
        created_by_type -> Text,
        created_by_id -> Nullable<Uuid>,
        completed_at -> Nullable<Timestamptz>,
        completed_by_id -> Nullable<Uuid>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    task_reminders (tenant_id, task_id, at) {
        tenant_id -> Uuid,
        task_id -> Uuid,
        at -> Timestamptz,
        told_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    notifications (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        kind -> Text,
        key -> Text,
        subject_type -> Nullable<Text>,
        subject_id -> Nullable<Uuid>,
        customer_id -> Nullable<Uuid>,
        data -> Jsonb,
        in_app -> Bool,
        mail_state -> Text,
        mailed_at -> Nullable<Timestamptz>,
        digest_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        read_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    notification_preferences (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        preferences -> Jsonb,
        digest_hour -> Nullable<Int2>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    automations (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        description -> Nullable<Text>,
        trigger -> Jsonb,
        condition -> Nullable<Text>,
        actions -> Jsonb,
        author_type -> Text,
        author_id -> Uuid,
        next_at -> Nullable<Timestamptz>,
        listens_after -> Text,
        disabled_at -> Nullable<Timestamptz>,
        disabled_reason -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    automation_versions (tenant_id, automation_id, version) {
        tenant_id -> Uuid,
        automation_id -> Uuid,
        version -> Int4,
        content -> Jsonb,
        author_type -> Text,
        author_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    automation_runs (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        automation_id -> Uuid,
        automation_version -> Int4,
        key -> Text,
        event_seq -> Nullable<Int8>,
        event_at -> Nullable<Timestamptz>,
        event_type -> Nullable<Text>,
        subject_type -> Nullable<Text>,
        subject_id -> Nullable<Uuid>,
        depth -> Int4,
        state -> Text,
        reason -> Nullable<Text>,
        detail -> Nullable<Text>,
        actions -> Jsonb,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    installation (alone) {
        alone -> Bool,
        epoch -> Uuid,
        mails_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    imports (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        object_type -> Text,
        file_id -> Uuid,
        file_name -> Text,
        file_sha256 -> Bytea,
        state -> Text,
        settings -> Jsonb,
        analysis -> Nullable<Jsonb>,
        failure -> Nullable<Jsonb>,
        report -> Nullable<Jsonb>,
        error_file_id -> Nullable<Uuid>,
        operation_id -> Nullable<Uuid>,
        created_by_type -> Text,
        created_by_id -> Nullable<Uuid>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    import_rows (tenant_id, import_id, row_number) {
        tenant_id -> Uuid,
        import_id -> Uuid,
        row_number -> Int4,
        outcome -> Text,
        customer_id -> Nullable<Uuid>,
        contact_id -> Nullable<Uuid>,
        customer_created -> Bool,
        contact_created -> Bool,
        customer_version -> Nullable<Int4>,
        contact_version -> Nullable<Int4>,
        customer_before -> Nullable<Jsonb>,
        contact_before -> Nullable<Jsonb>,
        errors -> Nullable<Jsonb>,
        duplicates -> Nullable<Jsonb>,
        undo -> Nullable<Text>,
    }
}

diesel::table! {
    import_templates (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        object_type -> Text,
        settings -> Jsonb,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    tenants,
    departments,
    roles,
    users,
    sessions,
    api_clients,
    api_keys,
    events,
    idempotency_keys,
    external_ids,
    search_terms,
    customers,
    contacts,
    custom_fields,
    custom_unique_values,
    object_definitions,
    handovers,
    handover_items,
    imports,
    import_rows,
    import_templates,
    customer_reads,
    duplicate_pairs,
    customer_merges,
    tags,
    field_standards,
    workers,
    jobs,
    job_schedules,
    operations,
    webhooks,
    log_places,
    webhook_deliveries,
    webhook_attempts,
    files,
    file_links,
    activities,
    activity_links,
    tasks,
    task_reminders,
    automations,
    automation_versions,
    automation_runs,
    notifications,
    notification_preferences,
    installation
);
