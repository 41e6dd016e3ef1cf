//! What administrators set while the server runs.

use axum::{
    Extension,
    extract::{Query, RawForm, State},
    response::IntoResponse as _,
};

use super::{Answer, Caller, OurServer, files, home, see_done};
use crate::{
    access::{About, Action},
    server::{
        pages::{self, Frame, SettingsPage},
        problem::Problem,
        settings::Chosen,
    },
};

pub(in crate::server) async fn page(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<home::Asked>,
) -> Answer {
    drop(server.allow(&visit, Action::SeeSettings, About::Nothing, "").await?);
    let chosen = Chosen::load(&server.central).await?;
    let page = SettingsPage {
        version: chosen.version(),
        settings: server.settings().shown(&server.config, &chosen),
        usual_name: server.engine.snapshot().me.name.clone(),
        names: server.config.names.clone(),
        addresses: server.authority.addresses(),
        database: server.config.database.shown(),
        home: server.config.home.display().to_string(),
        own_certificate: server.config.certificate.is_none(),
        below: server.config.downstreams.iter().map(ToString::to_string).collect(),
        may_change: server.would_allow(&visit, Action::ChangeSettings, About::Nothing),
    };
    Ok(pages::settings(&Frame::of(&server, &visit).done(asked.done.as_deref()), &page).into_response())
}

/// Each field is a key of a setting; an empty one goes back to what holds by itself.
pub(in crate::server) async fn change(
    State(server): OurServer,
    Extension(visit): Caller,
    RawForm(form): RawForm,
) -> Answer {
    let permit = server.allow(&visit, Action::ChangeSettings, About::Nothing, "settings").await?;
    let mut chosen = Chosen::load(&server.central).await?;
    let made_from = chosen.version();
    let mut said = vec![];
    let (version, fields): (Vec<_>, Vec<_>) = files::fields(&form).into_iter().partition(|(key, _)| key == "version");
    made_from.expect(version.first().map_or("", |(_, version)| version), "page of settings")?;
    for (key, value) in fields {
        let before = chosen.clone();
        chosen.set(&server.config, &key, &value).map_err(Problem::invalid)?;
        if chosen != before {
            said.push(format!("{key}: {}", if value.is_empty() { "default" } else { &value }));
        }
    }
    let (address, detail) = (visit.address.to_string(), said.join(", "));
    server.choose(permit, &visit.note(&address, "settings", &detail), &chosen, &made_from).await?;
    Ok(see_done("/admin/settings", "changed"))
}
