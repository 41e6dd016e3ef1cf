//! Signing in, and signing up as the first.

use maud::{Markup, html};

use super::{figures, forms::TypedForm, frame::Frame, icons::icon};

pub(in crate::server) fn sign_in(frame: &Frame, to: &str, name: &str, wrong: Option<&str>) -> Markup {
    frame.page("Sign in", html! {
        section.sheet.narrow {
            h1 { "Sign in" }
            @if let Some(wrong) = wrong { p.notice.bad role="alert" { (icon("warning")) (wrong) } }
            form.fields method="post" action="/sign-in" {
                input type="hidden" name="to" value=(to);
                label { "Name" input type="text" name="name" required autofocus autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="60" value=(name); }
                label { "Password" input type="password" name="password" required autocomplete="current-password" maxlength="256"; }
                button.button.primary type="submit" { "Sign in" }
            }
            p.soft { "Forgotten? Whoever runs this server can give you a new password." }
        }
    })
}

/// `wrong_at`: when a wrong code was typed, in seconds since 1970 by this server's clock.
pub(in crate::server) fn code(frame: &Frame, to: &str, wrong_at: Option<i64>) -> Markup {
    frame.page("One-time code", html! {
        section.sheet.narrow {
            h1 { "One-time code" }
            p { "Open the app for one-time codes on your phone, and type the six digits that it shows." }
            @if let Some(now_s) = wrong_at {
                p.notice.bad role="alert" { (icon("warning")) span { "That code is wrong or was used already. Wait for the next one. "
                    "Codes depend on the clock: this server's says " (figures::time(now_s)) ". If your phone's clock differs by more than half a minute, set it right." } }
            }
            form.fields method="post" action="/sign-in/code" {
                input type="hidden" name="to" value=(to);
                label { "Code" input.code type="text" name="code" required autofocus inputmode="numeric" autocomplete="one-time-code" maxlength="10"; }
                button.button.primary type="submit" { "Continue" }
            }
            form method="post" action="/sign-out" { button.button.quiet type="submit" { "Sign in as somebody else" } }
        }
    })
}

pub(in crate::server) fn setup(frame: &Frame, typed: &TypedForm) -> Markup {
    frame.page("Welcome", html! {
        section.sheet.narrow {
            h1 { "Make this server yours" }
            p { "Enter the setup code from the server's terminal (or from " code { "journalctl -u handout-server" } "). It works once." }
            (typed.head())
            form.fields method="post" action="/setup" {
                label { "Code" input.code type="text" name="code" required autofocus[!typed.was_sent() || typed.is_wrong("code")] autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="20" placeholder="ABCDE-FGHIJ" value=(typed.or("code", "")) aria-invalid=[typed.invalid("code")]; (typed.fault("code")) }
                label { "Your name" input type="text" name="shown" required autocomplete="name" maxlength="100" value=(typed.or("shown", "")) aria-invalid=[typed.invalid("shown")]; (typed.fault("shown")) }
                label { "The name you sign in with" input type="text" name="name" required autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="60" pattern="[A-Za-z0-9._\\-]+" value=(typed.or("name", "")) autofocus[typed.is_wrong("name")] aria-invalid=[typed.invalid("name")]; (typed.fault("name")) }
                label { "Password" input type="password" name="password" required minlength="8" autocomplete="new-password" maxlength="256" autofocus[typed.is_wrong("password")] aria-invalid=[typed.invalid("password")]; (typed.fault("password")) span.soft { "At least 8 characters; a few words are easier to keep in mind." } }
                button.button.primary type="submit" { "Begin" }
            }
        }
    })
}
