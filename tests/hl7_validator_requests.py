"""What tests/hl7-validator.sh asks a server, as tables: material, looks, changes, refusals.

A row is (name, status, method, path, headers, body); a body that is no string is sent as JSON.
"""

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
XML = {"Content-Type": "application/fhir+xml"}
JSON_PATCH = {"Content-Type": "application/json-patch+json"}
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
FHIR_PATCH = {"Content-Type": "application/fhir+json"}
MINIMAL = {"Prefer": "return=minimal"}
WHOLE = {"Prefer": "return=representation"}
ACCOUNT = {"Prefer": "return=OperationOutcome"}
LENIENT = {"Prefer": "handling=lenient"}

SYSTEM = "http://hospital.example/mrn"
NARRATIVE = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">As told</div>'}
LOINC_PULSE = {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]}
URN = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e30094%04x"


def patient(mrn, **more):
    name = [{"use": "official", "family": "Rao", "given": ["Asha", "K."]}]
    identifier = [{"system": SYSTEM, "value": mrn}]
    return {"resourceType": "Patient", "text": NARRATIVE, "identifier": identifier, "name": name,
            "gender": "female", "birthDate": "1980-02-29"} | more


def pulse(subject, **more):
    return {"resourceType": "Observation", "text": NARRATIVE, "status": "final", "code": LOINC_PULSE,
            "subject": {"reference": subject}, "effectiveDateTime": "2026-11-22T08:00:00+05:30",
            "performer": [{"display": "Ward 3"}],
            "valueQuantity": {"value": 72, "unit": "beats/minute", "system": "http://unitsofmeasure.org", "code": "/min"}} | more


def visit(subject):
    return {"resourceType": "Encounter", "text": NARRATIVE, "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "subject": {"reference": subject}}


def basic(id, **more):
    return {"resourceType": "Basic", "id": id, "text": NARRATIVE, "code": {"text": "a note"}} | more


def entry(method, url, resource=None, full_url=None, **request):
    made = {"request": {"method": method, "url": url} | request}
    if full_url:
        made["fullUrl"] = full_url
    if resource:
        made["resource"] = resource
    return made


def bundle(kind, *entries):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def record(mrn):
    """A record as a hospital sends it: references by urn, by search, and one conditional create."""
    who, when = URN % 1, URN % 2
    by_search = f"Patient?identifier={SYSTEM}|p1"
    return [entry("POST", "Patient", patient(mrn), who, ifNoneExist=f"identifier={SYSTEM}|{mrn}"),
            entry("POST", "Encounter", visit(who), when),
            entry("POST", "Observation", pulse(who, encounter={"reference": when}), URN % 3),
            entry("POST", "Observation", pulse(by_search), URN % 4)]


def fhirpath_patch(kind, path, *parts):
    said = [{"name": "type", "valueCode": kind}, {"name": "path", "valueString": path}, *parts]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": said}]}


def every_verb(run):
    """Entries of all kinds that succeed, in a transaction and in a batch."""
    replaced = fhirpath_patch("replace", "Basic.code.text", {"name": "value", "valueString": f"patched {run}"})
    return [entry("POST", "Patient", patient(f"{run}-1"), URN % 1),
            entry("POST", "Patient", patient("p1"), URN % 2, ifNoneExist=f"identifier={SYSTEM}|p1"),
            entry("PUT", f"Basic/{run}-new", basic(f"{run}-new")),
            entry("PUT", "Basic/kept", basic("kept", code={"text": run})),
            entry("PUT", "Basic/same", basic("same")),
            entry("PUT", f"Patient?identifier={SYSTEM}|{run}-2", patient(f"{run}-2"), URN % 3),
            entry("PATCH", "Basic/patched", replaced),
            entry("DELETE", f"Basic/{run}-doomed"),
            entry("DELETE", "Basic/never-was"),
            entry("GET", "Patient/p1"),
            entry("GET", "Patient?family=rao&_count=2")]


def only_in_a_batch():
    return [entry("GET", "Patient/p1", ifNoneMatch='W/"3"'),
            entry("GET", "Patient/p1/_history/1"), entry("GET", "Patient/p1/_history"),
            entry("GET", "Basic/_history?_count=3"), entry("GET", "metadata"),
            entry("GET", "Patient/nobody"), entry("GET", "Basic/gone"), entry("GET", "Patient?nonsense=1"),
            entry("GET", "Nonsense/1"), entry("POST", "Patient", basic("wrong")),
            entry("PUT", "Basic/kept", basic("kept"), ifMatch='W/"99"'),
            entry("PUT", f"Patient?identifier={SYSTEM}|", patient("x"))]


MATERIAL = [
    ("create minimal", 201, "POST", "/Patient", MINIMAL, patient("p0")),
    ("create representation", 201, "POST", "/Patient", WHOLE, patient("p0")),
    ("create outcome", 201, "POST", "/Patient", ACCOUNT, patient("p0")),
    ("create default", 201, "POST", "/Patient", {}, patient("p0")),
    ("create xml", 201, "POST", "/Basic", XML | WHOLE, '<Basic xmlns="http://hl7.org/fhir"><code><text value="x"/></code></Basic>'),
    ("update as create", 201, "PUT", "/Patient/p1", WHOLE, patient("p1", id="p1")),
    ("update", 200, "PUT", "/Patient/p1", WHOLE, patient("p1", id="p1", active=True)),
    ("update outcome", 200, "PUT", "/Patient/p1", ACCOUNT, patient("p1", id="p1", active=False)),
    ("no-op update outcome", 200, "PUT", "/Patient/p1", ACCOUNT, patient("p1", id="p1", active=False)),
    ("twin 1", 201, "PUT", "/Patient/twin-1", {}, patient("twin", id="twin-1")),
    ("twin 2", 201, "PUT", "/Patient/twin-2", {}, patient("twin", id="twin-2")),
    ("conditional create", 200, "POST", "/Patient", ACCOUNT | {"If-None-Exist": f"identifier={SYSTEM}|p1"}, patient("p1")),
    ("conditional update", 200, "PUT", f"/Patient?identifier={SYSTEM}|p1", ACCOUNT, patient("p1", active=True)),
    ("json patch outcome", 200, "PATCH", "/Patient/p1", ACCOUNT | JSON_PATCH, [{"op": "add", "path": "/maritalStatus", "value": {"text": "x"}}]),
    ("merge patch", 200, "PATCH", "/Patient/p1", WHOLE | MERGE_PATCH, {"maritalStatus": None}),
    ("fhirpath patch", 200, "PATCH", "/Patient/p1", WHOLE | FHIR_PATCH, fhirpath_patch("delete", "Patient.birthDate")),
    *[(f"basic {name}", 201, "PUT", f"/Basic/{name}", {}, basic(name))
      for name in ("kept", "same", "gone", "patched", "t0-doomed", "t1-doomed", "t2-doomed", "t3-doomed",
                   "b0-doomed", "b1-doomed", "b2-doomed", "b3-doomed", "doomed", "doomed-by-search")],
    ("delete outcome", 200, "DELETE", "/Basic/gone", ACCOUNT, None),
    ("delete again outcome", 200, "DELETE", "/Basic/gone", ACCOUNT, None),
    ("delete by search outcome", 200, "DELETE", "/Basic?_id=doomed-by-search", ACCOUNT, None),
    ("delete", (200, 204), "DELETE", "/Basic/doomed", {}, None),
    ("recreated", 201, "PUT", "/Basic/doomed", {}, basic("doomed")),
    ("transaction", 200, "POST", "", {}, bundle("transaction", *record("r1"))),
    ("transaction again", 200, "POST", "", WHOLE, bundle("transaction", *record("r1"))),
    ("transaction of nothing", 200, "POST", "", {}, {"resourceType": "Bundle", "type": "transaction"}),
    ("batch of nothing", 200, "POST", "", {}, {"resourceType": "Bundle", "type": "batch"}),
    *[(f"{kind} {n}", 200, "POST", "", prefer, bundle(kind, *every_verb(f"{kind[0]}{n}")))
      for kind in ("transaction", "batch") for n, prefer in enumerate(({}, MINIMAL, WHOLE, ACCOUNT))],
    *[(f"batch with refusals {n}", 200, "POST", "", prefer, bundle("batch", *only_in_a_batch()))
      for n, prefer in enumerate(({}, MINIMAL, WHOLE, ACCOUNT))],
]

SEARCHES = ["Patient", "Patient?_count=2", "Patient?_count=2&_total=accurate", "Patient?_count=0", "Patient?_summary=count",
            "Patient?_id=p1", "Patient?_id=nobody", "Patient?family=rao&_sort=-_lastUpdated", "Patient?_elements=name,gender", "Observation?subject=Patient/p1",
            "Observation?code=http://loinc.org|8867-4&date=ge2020", "Encounter?_lastUpdated=ge2020-01-01", "Basic",
            "Observation?value-quantity=72", "Patient?name=As&gender=female&birthdate=1980-02-29"]

HISTORIES = ["Patient/p1/_history", "Patient/p1/_history?_count=2", "Basic/gone/_history", "Basic/doomed/_history", "Patient/_history",
             "Basic/_history?_count=3", "_history", "_history?_count=4", "_history?_since=2020-01-01T00:00:00Z",
             "_history?_since=2100-01-01T00:00:00Z", "Patient/p1/_history?_at=2020", "Account/_history"]

LOOKS = [
    ("metadata", 200, "GET", "/metadata", {}, None),
    ("metadata pretty", 200, "GET", "/metadata?_pretty=true", {}, None),
    ("read", 200, "GET", "/Patient/p1", {}, None),
    ("vread", 200, "GET", "/Patient/p1/_history/1", {}, None),
    ("read elements", 200, "GET", "/Patient/p1?_elements=name", {}, None),
    ("read summary", (200, 400), "GET", "/Patient/p1?_summary=true", {}, None),
    ("search by post", 200, "POST", "/Patient/_search", FORM, "family=rao&_count=3"),
    ("search with remark", 200, "GET", "/Patient?nonsense=1&_count=2", LENIENT, None),
    ("search of nothing with remark", 200, "GET", "/Patient?nonsense=1&_id=nobody", LENIENT, None),
    ("count with remark", 200, "GET", "/Patient?nonsense=1&_summary=count", LENIENT, None),
    *[(f"summary {kind}", (200, 400), "GET", f"/Patient?_summary={kind}", {}, None) for kind in ("true", "text", "data")],
    *[(f"search {n}", 200, "GET", f"/{query}", {}, None) for n, query in enumerate(SEARCHES)],
    *[(f"history {n}", 200, "GET", f"/{query}", {}, None) for n, query in enumerate(HISTORIES)],
]


def refused_transaction(name, status, *entries):
    return (f"transaction: {name}", status, "POST", "", {}, bundle("transaction", *entries))


BODIES = {
    "no JSON": "{", "cut off": '{"resourceType":"Patient"', "no object": "[]", "two values": '{"resourceType":"Patient"}{}',
    "no type": "{}", "unknown type": '{"resourceType":"Ghost"}', "type is no text": '{"resourceType":1}',
    "unknown element": '{"resourceType":"Patient","shoeSize":43}', "no such day": '{"resourceType":"Patient","birthDate":"1980-02-30"}',
    "object for array": '{"resourceType":"Patient","name":{"family":"Rao"}}', "number for text": '{"resourceType":"Patient","name":[{"given":[1]}]}',
    "array for one": '{"resourceType":"Patient","gender":["male"]}', "text for boolean": '{"resourceType":"Patient","active":"true"}',
    "unknown code": '{"resourceType":"Patient","gender":"unheard-of"}', "key twice": '{"resourceType":"Patient","active":true,"active":false}',
    "missing element": '{"resourceType":"Observation","status":"final"}', "empty array": '{"resourceType":"Patient","name":[]}',
    "empty object": '{"resourceType":"Patient","name":[{}]}', "empty text": '{"resourceType":"Patient","gender":""}', "null": '{"resourceType":"Patient","gender":null}',
    "two choices": '{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2020"}', "wrong choice": '{"resourceType":"Patient","deceasedString":"x"}',
    "wrong target": '{"resourceType":"Patient","managingOrganization":{"reference":"Patient/1"}}', "bad reference": '{"resourceType":"Patient","managingOrganization":{"reference":"a b"}}',
    "bad id": '{"resourceType":"Patient","id":"a b"}', "bad narrative": '{"resourceType":"Patient","text":{"status":"generated","div":"<div><script/></div>"}}',
    "lone surrogate": '{"resourceType":"Patient","name":[{"family":"\\ud800"}]}', "control character": '{"resourceType":"Patient","name":[{"family":"a\tb"}]}',
    "bad sibling": '{"resourceType":"Patient","_gender":{"id":1}}', "bad base64": '{"resourceType":"Binary","contentType":"text/plain","data":"*"}',
    "several faults": '{"resourceType":"Patient","shoeSize":43,"birthDate":"x","gender":"y","name":[{"use":"z"}]}',
    "quotes in a name": '{"resourceType":"Patient","<b>\\"&\\u0001":1}', "deep": '{"resourceType":"Patient","extension":[' + '{"url":"http://a.example/x","extension":[' * 300,
    "patient's extension without url": '{"resourceType":"Patient","extension":[{"valueString":"x"}]}', "contained of unknown type": '{"resourceType":"Patient","contained":[{"resourceType":"Ghost"}]}',
}

QUERIES = ["nonsense=1", "birthdat=2020", "birthdate=soon", "birthdate=eq20", "gender:nonsense=x", "_count=many", "_sort=nonsense",
           "_total=some", "_summary=much", "_elements=birthdat", "family:contains=a", "organization.nonsense=x", "_has:Observation:patient:nonsense=x",
           "_page=nonsense", "identifier=|", "family=,", "identifier=a|b|c", "_lastUpdated=x", "_include=nonsense",
           "_filter=a eq b", "_cursor=nonsense", "organization:Ghost=1"]

REFUSALS = [
    *[(f"body: {name}", (400, 413, 422), "POST", "/Binary" if "base64" in name else "/Observation" if "missing" in name else "/Patient", {}, body)
      for name, body in BODIES.items()],
    *[(f"xml: {n}", (400, 422), "POST", "/Patient", XML, body) for n, body in enumerate((
        "<Patient", "<Patient/>", '<Patient xmlns="http://hl7.org/fhir"><gendr value="x"/></Patient>', '<!DOCTYPE a [<!ENTITY b "c">]><Patient xmlns="http://hl7.org/fhir"/>',
        '<Ghost xmlns="http://hl7.org/fhir"/>', '<Patient xmlns="http://hl7.org/fhir"><active value="yes"/></Patient>'))],
    *[(f"query: {query}", (400, 422), "GET", f"/Patient?{query}".replace(" ", "%20"), {}, None) for query in QUERIES],
    ("query: numbers", 400, "GET", "/Observation?value-quantity=many", {}, None),
    *[(f"history: {query}", 400, "GET", f"/Patient/_history?{query}", {}, None) for query in ("_since=soon", "_at=x", "_count=x", "nonsense=1", "_cursor=x")],
    *[(f"nothing at {path}", 404, "GET", path, {}, None) for path in (
        "/Patient/nobody", "/Patient/nobody/_history", "/Patient/p1/_history/99", "/Patient/p1/_history/x", "/Ghost", "/Ghost/1", "/a/b/c/d/e",
        "/Patient/p1/$nonsense", "/Patient/$nonsense", "/$nonsense", "/../nothing")],
    ("deleted", 410, "GET", "/Basic/gone", {}, None),
    ("deleted version", 410, "GET", "/Basic/gone/_history/2", {}, None),
    ("impossible id", (400, 404), "GET", "/Patient/a%20b", {}, None),
    ("search of everything by no shared parameter", 400, "GET", "/?birthdate=2020", {}, None),
    *[(f"no {method} on {path}", 405, method, path, {}, None) for method, path in (
        ("DELETE", "/metadata"), ("PUT", "/Patient/_search"), ("POST", "/Patient/p1"), ("DELETE", "/Patient/p1/_history"), ("PUT", ""), ("PROPFIND", "/Patient/p1"))],
    ("other type in body", 400, "POST", "/Observation", {}, patient("x")),
    ("other id in body", 400, "PUT", "/Patient/a", {}, patient("x", id="b")),
    ("no id in body", 400, "PUT", "/Patient/a", {}, patient("x")),
    ("no body", 400, "POST", "/Patient", {}, ""),
    ("no Bundle", 400, "POST", "", {}, patient("x")),
    ("a Bundle that does nothing", 400, "POST", "", {}, {"resourceType": "Bundle", "type": "collection"}),
    ("csv", 415, "POST", "/Patient", {"Content-Type": "text/csv"}, "a;b"),
    ("latin", 415, "POST", "/Patient", {"Content-Type": "application/fhir+json; charset=latin1"}, "{}"),
    ("unknown coding", 415, "POST", "/Patient", {"Content-Encoding": "compress"}, "{}"),
    ("no gzip", 400, "POST", "/Patient", {"Content-Encoding": "gzip"}, "{}"),
    ("turtle", 406, "GET", "/metadata", {"Accept": "text/turtle"}, None),
    ("turtle by parameter", 406, "GET", "/Patient/p1?_format=ttl", {}, None),
    ("other version", 412, "PUT", "/Patient/p1", {"If-Match": 'W/"99"'}, patient("p1", id="p1")),
    ("delete of other version", 412, "DELETE", "/Patient/p1", {"If-Match": 'W/"99"'}, None),
    ("there already", 412, "PUT", "/Patient/p1", {"If-None-Match": "*"}, patient("p1", id="p1")),
    ("no version", 400, "PUT", "/Patient/p1", {"If-Match": "newest"}, patient("p1", id="p1")),
    ("create: criteria match several", 412, "POST", "/Patient", {"If-None-Exist": f"identifier={SYSTEM}|twin"}, patient("twin")),
    ("update: criteria match several", 412, "PUT", f"/Patient?identifier={SYSTEM}|twin", {}, patient("twin")),
    ("delete: criteria match several", 412, "DELETE", f"/Patient?identifier={SYSTEM}|twin", {}, None),
    ("patch: criteria match several", 412, "PATCH", f"/Patient?identifier={SYSTEM}|twin", JSON_PATCH, [{"op": "remove", "path": "/name"}]),
    ("delete: no criteria", (400, 412), "DELETE", "/Patient", {}, None),
    ("delete: unknown criteria", 400, "DELETE", "/Patient?nonsense=1", {}, None),
    ("patch of nobody", 404, "PATCH", "/Patient/nobody", JSON_PATCH, [{"op": "remove", "path": "/name"}]),
    *[(f"json patch {n}", (400, 409, 412, 422), "PATCH", "/Patient/p1", JSON_PATCH, body) for n, body in enumerate((
        "{", {}, [{"op": "dance"}], [{"op": "remove", "path": "/nothing"}], [{"op": "test", "path": "/gender", "value": "male"}], [{"op": "remove", "path": "gender"}],
        [{"op": "replace", "path": "/gender", "value": "x"}], [{"op": "replace", "path": "/id", "value": "x"}], [{"op": "remove", "path": "/resourceType"}]))],
    *[(f"merge patch {n}", (400, 422), "PATCH", "/Patient/p1", MERGE_PATCH, body) for n, body in enumerate(("[]", {"gender": "x"}, {"shoeSize": 1}))],
    *[(f"fhirpath patch {n}", (400, 422), "PATCH", "/Patient/p1", FHIR_PATCH, body) for n, body in enumerate((
        fhirpath_patch("dance", "Patient.name"), fhirpath_patch("delete", "Patient.name ="), fhirpath_patch("replace", "Patient.nothing", {"name": "value", "valueString": "x"}),
        fhirpath_patch("replace", "Patient.gender", {"name": "value", "valueCode": "x"}), fhirpath_patch("replace", "Patient.name", {"name": "value", "valueString": "x"})))],
    ("patch of unknown format", 415, "PATCH", "/Patient/p1", {"Content-Type": "text/plain"}, "x"),
    refused_transaction("no request", 400, {"resource": patient("x")}),
    refused_transaction("two for one", 400, entry("PUT", "Basic/a", basic("a")), entry("PUT", "Basic/a", basic("a"))),
    refused_transaction("missing", 404, entry("GET", "Patient/nobody")),
    refused_transaction("bad search", 400, entry("GET", "Patient?nonsense=1")),
    refused_transaction("history", 400, entry("GET", "Patient/p1/_history")),
    refused_transaction("bad resource", (400, 422), entry("POST", "Patient", {"resourceType": "Patient", "gender": "x", "name": "y"})),
    refused_transaction("other version", 412, entry("PUT", "Basic/kept", basic("kept"), ifMatch='W/"99"')),
    refused_transaction("reference to nothing", 412, entry("POST", "Observation", pulse("Patient?identifier=nobody"))),
    refused_transaction("reference to several", 412, entry("POST", "Observation", pulse(f"Patient?identifier={SYSTEM}|twin"))),
    refused_transaction("elsewhere", 400, entry("POST", "http://elsewhere.example/fhir/Patient", patient("x"))),
    refused_transaction("other type", 400, entry("POST", "Basic", patient("x"))),
    refused_transaction("same fullUrl", 400, entry("POST", "Patient", patient("x"), URN % 1), entry("POST", "Patient", patient("y"), URN % 1)),
    refused_transaction("patch without patch", 400, entry("PATCH", "Basic/kept")),
    ("reference by search outside a transaction", (400, 422), "POST", "/Observation", {}, pulse("Patient?identifier=x")),
    ("long address", 414, "GET", "/Patient?family=" + "x" * 20000, {}, None),
    ("long header", (400, 431), "GET", "/Patient/p1", {"X-Long": "x" * 40000}, None),
]
