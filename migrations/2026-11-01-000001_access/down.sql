drop table login_failures, api_keys, api_clients, sessions, users, roles, departments, tenants;
