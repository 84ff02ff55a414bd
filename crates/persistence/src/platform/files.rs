//! Files: what is known of them. Their content lies elsewhere.
