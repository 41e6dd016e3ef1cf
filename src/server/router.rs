//! Every route, and the steps that each request passes, on one page.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn_with_state,
    routing::{delete, get, patch, post},
};

use super::{
    Server,
    caller::identify,
    problem::Problem,
    routes::{
        account, admin_api, api, assets, audit, class_import, devices, elsewhere, enrolment, exams, files, groups,
        health, home, links, people, policy, publications, settings, setup, share, sign_in, steps, storage, tus,
        uploads, upstreams, witness,
    },
};

use crate::wire::paths;

/// Forms and JSON; uploads have a limit of their own.
const BODY_MAX: usize = 1 << 20;

/// What browsers get, and what peers get beside their own routes.
pub(super) fn routers(server: Arc<Server>) -> (Router, Router) {
    let pages = pages().merge(administration()).merge(programs()).fallback(async || Problem::no_such("page"));
    let pages = pages
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn_with_state(server.clone(), identify))
        .layer(from_fn_with_state(server.clone(), steps::from_our_pages))
        .layer(from_fn_with_state(server.clone(), steps::known_host))
        .merge(without_caller())
        .layer(from_fn_with_state(server.clone(), steps::finish))
        .with_state(server.clone());
    let peers = programs()
        .merge(computers())
        .merge(Router::new().route(super::witness::PATH, get(witness::kept).post(witness::keep)))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn_with_state(server.clone(), identify))
        .layer(from_fn_with_state(server.clone(), steps::finish_peer))
        .with_state(server);
    (pages, peers)
}

/// What people see.
fn pages() -> Router<Arc<Server>> {
    Router::new()
        .route("/", get(home::home))
        .route("/s/{share}", get(share::page))
        .route("/s/{share}/f/{entry}/{name}", get(files::download))
        .route("/s/{share}/bring", post(elsewhere::bring))
        .route("/s/{share}/view/{entry}", get(share::view))
        .route("/s/{share}/zip", get(files::zip))
        .route("/s/{share}/change", post(share::change))
        .route("/s/{share}/remove", post(share::remove))
        .route("/s/{share}/quarantine", post(share::quarantine))
        .route("/s/{share}/links", post(links::make))
        .route("/s/{share}/links/{token}/remove", post(links::remove))
        .route("/l/{token}", get(links::page).post(links::open))
        .route("/l/{token}/f/{entry}/{name}", get(links::download))
        .route("/l/{token}/zip", get(links::zip))
        .route("/upload", get(uploads::page))
        .route("/handed-in/{share}", get(exams::handed_in))
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/sign-in/code", get(sign_in::code_page).post(sign_in::code))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/setup", get(setup::page).post(setup::sign_up))
        .route("/account", get(account::page))
        .route("/account/password", post(account::password))
        .route("/account/codes", post(account::codes))
        .route("/account/codes/off", post(account::codes_off))
        .route("/account/sessions/end", post(account::end_sessions))
        .route("/account/keys", post(account::make_key))
        .route("/account/keys/{id}/remove", post(account::remove_key))
}

/// What those see who run the server.
fn administration() -> Router<Arc<Server>> {
    Router::new()
        .route("/admin", get(storage::overview))
        .route("/admin/people", get(people::page).post(people::add))
        .route("/admin/people/import", post(class_import::import))
        .route("/admin/people/import/text", post(class_import::text))
        .route("/admin/people/{person}", get(people::one).post(people::change))
        .route("/admin/people/{person}/remove", post(people::remove))
        .route("/admin/groups", post(groups::add))
        .route("/admin/groups/{group}", post(groups::change))
        .route("/admin/devices", get(devices::page))
        .route("/admin/devices/tokens", post(devices::make_token))
        .route("/admin/devices/tokens/{id}/remove", post(devices::remove_token))
        .route("/admin/devices/{peer}/remove", post(devices::remove))
        .route("/admin/policy", get(policy::page).post(policy::change))
        .route("/admin/policy/exam", post(exams::change))
        .route("/admin/exams", get(exams::page))
        .route("/admin/policy/block", post(policy::block))
        .route("/admin/policy/explain", get(policy::explain))
        .route("/admin/quarantine", get(storage::quarantine))
        .route("/admin/storage", get(storage::page))
        .route("/admin/storage/unfinished/{batch}/remove", post(storage::give_up))
        .route("/admin/backup", post(storage::backup))
        .route("/admin/settings", get(settings::page).post(settings::change))
        .route("/admin/upstreams", get(upstreams::page).post(upstreams::add))
        .route("/admin/upstreams/{id}/remove", post(upstreams::remove))
        .route("/admin/audit", get(audit::page))
        .route("/admin/audit.csv", get(audit::export))
}

/// What programs use: the app, scripts, and the pages' own script.
fn programs() -> Router<Arc<Server>> {
    Router::new()
        .route("/api/v1/openapi.json", get(api::document))
        .route("/api/v1/me", get(api::me))
        .route("/api/v1/search", get(api::search))
        .route("/api/v1/shares", get(api::shares))
        .route("/api/v1/shares/{share}", get(api::share))
        .route("/api/v1/shares/{share}/files/{entry}", get(files::by_program))
        .route("/api/v1/shares/{share}/bring", post(elsewhere::bring_by_program))
        .route("/api/v1/upstreams", get(upstreams::list))
        .route("/api/v1/devices", get(admin_api::devices))
        .route("/api/v1/groups", get(admin_api::groups))
        .route("/api/v1/storage", get(admin_api::storage))
        .route("/api/v1/settings", get(admin_api::settings))
        .route("/api/v1/quarantine", get(admin_api::quarantine))
        .route("/api/v1/policy", get(api::policy))
        .route("/api/v1/policy.cbor", get(api::policy_document))
        .route("/api/v1/people", get(api::people))
        .route("/api/v1/audit", get(api::audit))
        .route("/api/v1/audit/heads", get(api::audit_heads))
        .route("/api/v1/uploads", get(uploads::list).post(uploads::begin))
        .route("/api/v1/uploads/{batch}", get(uploads::one))
        .route("/api/v1/uploads/{batch}", delete(uploads::give_up))
        .route("/api/v1/uploads/{batch}/finish", post(uploads::finish))
        .route("/tus", post(tus::create).options(tus::options))
        .route("/tus/{upload}", patch(tus::write).head(tus::offset).delete(tus::remove).options(tus::options))
        .layer(DefaultBodyLimit::disable())
}

/// What computers ask that have proved their key.
fn computers() -> Router<Arc<Server>> {
    Router::new()
        .route(paths::ENROL, post(enrolment::enrol))
        .route(paths::STANDING, get(enrolment::device))
        .route(paths::PUBLICATIONS, post(publications::publish))
        .route("/api/v1/publications/{share}", get(publications::one))
}

/// What asks for no name and no database.
fn without_caller() -> Router<Arc<Server>> {
    Router::new()
        .route("/assets/{file}", get(assets::asset))
        .route("/authority.pem", get(assets::authority))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_route_for_programs_stands_in_the_openapi_document() {
        let source = include_str!("router.rs").split("fn programs()").nth(1).and_then(|rest| rest.split("\n}").next());
        let routes: BTreeSet<&str> =
            source.unwrap().split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let document: serde_json::Value = serde_json::from_str(include_str!("web/openapi.json")).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let told: BTreeSet<&str> = paths.keys().map(String::as_str).filter(|path| !path.ends_with('z')).collect();
        assert!(routes.len() > 20);
        assert_eq!(routes, told);
    }
}
