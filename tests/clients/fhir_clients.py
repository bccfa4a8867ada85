"""fhirpy and fhirclient from PyPI at the vault named by the first argument; `housekeeping` as the second cleans beds."""

import json
import sys
import urllib.request
import uuid

from fhirclient import client as smart
from fhirclient.models import humanname, patient
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, ResourceNotFound

BASE = sys.argv[1]


def expect(what, is_so):
    if not is_so:
        sys.exit(f"{what}: not so")


def raises(kind, what, act):
    try:
        act()
    except kind as error:
        return error
    sys.exit(f"{what}: no {kind.__name__}")


def with_fhirpy():
    client, tag = SyncFHIRClient(BASE), uuid.uuid4().hex
    mine = dict(identifier=[dict(system="urn:fhirpy", value=tag)])
    rao = client.resource("Patient", name=[dict(family="Rao")], **mine)
    rao.save()
    rao["active"] = True
    rao.save()
    rao.refresh()
    expect("an update is a version", rao["meta"]["versionId"] == "2" and rao["active"] is True)
    rao.patch(gender="female")
    rao.refresh()
    expect("a merged member", rao["gender"] == "female")
    late = SyncFHIRClient(BASE, extra_headers={"If-Match": 'W/"1"'})
    put = lambda who: who.execute(f"Patient/{rao.id}", method="put", data=rao.serialize())
    # what fhirpy makes of 412
    raises(MultipleResourcesFound, "a stale If-Match", lambda: put(late))
    for _ in range(7):
        client.resource("Observation", status="final", code=dict(text="pulse"), subject=rao.to_reference()).save()
    found = client.resources("Observation").search(subject=rao.to_reference().reference)
    expect("pages of three", len(found.limit(3).fetch_all()) == 7)
    expect("counted", found.count() == 7)
    _, is_new = client.resources("Patient").search(identifier=f"urn:fhirpy|{tag}").get_or_create(
        client.resource("Patient", **mine)
    )
    expect("a conditional create of what there is", not is_new)
    entry = dict(resource=dict(resourceType="Basic", code=dict(text="x")), request=dict(method="POST", url="Basic"))
    done = client.execute("", method="post", data=dict(resourceType="Bundle", type="transaction", entry=[entry]))
    expect("a transaction", done["entry"][0]["response"]["status"].startswith("201"))
    history = client.execute(f"Patient/{rao.id}/_history", method="get")
    expect("three versions", [one["resource"]["meta"]["versionId"] for one in history["entry"]] == ["3", "2", "1"])
    for observation in found.fetch_all():
        observation.delete()
    rao.delete()
    raises(ResourceNotFound, "what is deleted", rao.refresh)


def with_fhirclient():
    server, tag = smart.FHIRClient(settings=dict(app_id="app", api_base=BASE)), "Smart" + uuid.uuid4().hex
    server.prepare()

    def named():
        who, name = patient.Patient(), humanname.HumanName()
        name.family, name.given = tag, ["A"]
        who.name = [name]
        return who

    ids = [named().create(server.server)["id"] for _ in range(5)]
    first = patient.Patient.read(ids[0], server.server)
    first.gender = "female"
    expect("an update is a version", first.update(server.server)["meta"]["versionId"] == "2")
    search = patient.Patient.where(dict(family=tag, _count="2"))
    expect("pages", [len(page.entry) for page in search.perform_iter(server.server)] == [2, 2, 1])
    expect("all pages", sorted(one.id for one in search.perform_resources_iter(server.server)) == sorted(ids))
    first.delete()
    raises(Exception, "what is deleted", lambda: patient.Patient.read(ids[0], server.server))


def keep_house():
    """Everybody goes home and every bed is cleaned."""

    def send(url, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/fhir+json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    home = dict(name="disposition", valueCodeableConcept=dict(coding=[dict(code="home")]))
    inpatients = send(f"{BASE}/Encounter?status=in-progress&class=IMP&_count=100")
    for encounter in (entry["resource"]["id"] for entry in inpatients.get("entry", [])):
        send(f"{BASE}/Encounter/{encounter}/$release-bed", dict(resourceType="Parameters", parameter=[home]))
    dirty = send(f"{BASE}/Location?operational-status=K&_count=100")
    for bed in (entry["resource"]["id"] for entry in dirty.get("entry", [])):
        for state in ["cleaning", "ready"]:
            body = dict(resourceType="Parameters", parameter=[dict(name="to", valueCode=state)])
            send(f"{BASE}/Location/{bed}/$bed-turnover", body)


if sys.argv[2:] == ["housekeeping"]:
    keep_house()
else:
    with_fhirpy()
    print("fhirpy: all")
    with_fhirclient()
    print("fhirclient of PyPI: all")
