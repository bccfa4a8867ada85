//! The page that asks a person what an app may do.

use actix_web::HttpResponse;
use auth::oauth::{
    Client,
    authorize::{Request, Session},
    scopes::{self, Group},
};
use maud::{Markup, html};

use super::super::{
    cookie::Browser,
    pages::{self, Page},
    picking::{Carried, hidden},
};
use crate::server::Door;

/// Headings of the groups.
const GROUPS: [(Group, &str); 3] = [
    (Group::Patient, "In the patient's record"),
    (Group::User, "In everything that you may see"),
    (Group::About, "About you and this login"),
];

/// Shows the page. Every line can be unticked; finer ones stand under the wide one that they can take the place of.
pub(super) fn page(
    door: &Door,
    browser: &Browser,
    (request, asked): (&Request, &str),
    (client, session): (&Client, &Session),
    carried: Carried<'_>,
) -> HttpResponse {
    let scopes: Vec<(&str, Group, String)> = asked
        .split_ascii_whitespace()
        .map(|scope| {
            let (group, words) = scopes::in_words(scope);
            (scope, group, words)
        })
        .collect();
    let body = html! {
        p { strong { (client.name()) } " asks for access to records. You are logged in as " strong { (session.user.login) } "." }
        form method="post" action="/auth/decide" {
            (hidden(door, browser, carried))
            @for (group, heading) in GROUPS {
                @if scopes.iter().any(|(_, of, _)| *of == group) {
                    fieldset {
                        legend { (heading) }
                        @for (scope, _, words) in scopes.iter().filter(|(_, of, _)| *of == group) {
                            (line(scope, words))
                        }
                    }
                }
            }
            p { "You can take this back at any time under " a href="/auth/manage" { "your apps" } "." }
            button type="submit" name="answer" value="allow" { "Allow" }
            button type="submit" class="plain" name="answer" value="deny" { "Do not allow" }
        }
    };
    let leads_to = Some(request.redirect_uri.as_str());
    let title = format!("Allow {}?", client.name());
    pages::show(door, browser, 200, &Page { title: &title, body, leads_to })
}

fn line(scope: &str, words: &str) -> Markup {
    html! {
        label {
            input type="checkbox" name="scope" value=(scope) checked;
            " " (words)
        }
        @let finer = scopes::sub_scopes(scope);
        @if !finer.is_empty() {
            details {
                summary { "Only parts of it" }
                p { "Untick the line above and tick what you want to share." }
                @for scope in &finer {
                    label class="finer" {
                        input type="checkbox" name="scope" value=(scope);
                        " " (scopes::in_words(scope).1)
                    }
                }
            }
        }
    }
}
