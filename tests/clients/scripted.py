"""PyPI's fhirclient: standalone launch with a secret, reading with the token, refreshing it."""
import os
import re

import requests
from fhirclient import client
from fhirclient.models import observation, patient

VAULT, APP, PASSWORD = (os.environ[name] for name in ("VAULT", "APP", "PASSWORD"))


def form(page, action):
    """The fields of a page's form, with what is ticked."""
    found = [it for it in re.findall(r"<form .*?</form>", page.text, re.S) if f'action="{action}"' in it][-1]
    fields = []
    for tag in re.findall(r"<input [^>]*>", found):
        at = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if "name" in at and (at.get("type") != "checkbox" or " checked" in tag):
            fields.append((at["name"], at.get("value", "").replace("&amp;", "&")))
    return fields


def walk(url):
    """Logs in and agrees, as a person would; where the browser is sent back to."""
    browser = requests.Session()
    page = browser.get(url)
    fields = [it for it in form(page, "/auth/login") if it[0] not in ("login", "password")]
    page = browser.post(f"{VAULT}/auth/login", data=fields + [("login", "rao"), ("password", PASSWORD)])
    answer = browser.post(
        f"{VAULT}/auth/decide", data=form(page, "/auth/decide") + [("answer", "allow")], allow_redirects=False
    )
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


smart = client.FHIRClient(settings={
    "app_id": "python-app",
    "app_secret": "a secret",
    "api_base": f"{VAULT}/fhir",
    "redirect_uri": f"{APP}/cb",
    "scope": "launch/patient openid fhirUser offline_access patient/*.rs",
})
url = smart.authorize_url
assert url.startswith(f"{VAULT}/auth/authorize"), url
smart.handle_callback(walk(url))
assert smart.ready and smart.patient_id == "rao", smart.patient_id
assert patient.Patient.read("rao", smart.server).name[0].family == "Rao"
found = observation.Observation.where({"subject": "Patient/rao"}).perform_resources(smart.server)
assert [it.id for it in found] == ["o"], found
before = smart.server.auth.access_token
assert smart.reauthorize() is not None
assert smart.server.auth.access_token != before
assert patient.Patient.read("rao", smart.server).id == "rao"
print("fhirclient (PyPI): standalone launch, read, search, refresh")
