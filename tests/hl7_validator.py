"""Collects what a server returns and has HL7's own validator judge it; see tests/hl7-validator.sh.

Exits with 1 when an answer has another status than expected, or an error that the official example it
shows does not have by itself.
"""

import collections
import http.client
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import urllib.parse

import hl7_validator_requests as requests

JSON_TYPE = "application/fhir+json"
XML_TYPE = "application/fhir+xml"
VALIDATOR = pathlib.Path(__file__).with_name("Hl7Validator.java")
PROFILES = VALIDATOR.parent.with_name("fhir-profiles") / "vault"
IN_ENTRY = re.compile(r"^Bundle\.entry\[(\d+)\]\.resource\b")

# What the validator of 2019 says of sound answers. A row: part of its text, the type of Bundle, and why it is no
# fault.
MISTAKEN = [
    ("Multiple matches in bundle for reference", "history", "a history holds several versions of what is referred to"),
]


class Collection:
    """Answers of a server, a file each."""

    def __init__(self, base, folder):
        self.base = urllib.parse.urlsplit(base)
        self.connection = http.client.HTTPConnection(self.base.netloc, timeout=60)
        self.folder = folder
        self.named = {}  # file -> what was asked
        self.shows = {}  # file -> the example in it; for a Bundle, all examples by Type/id
        self.surprises = []

    def send(self, method, path, headers, body):
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        headers = {"Content-Type": JSON_TYPE, "Accept": JSON_TYPE} | headers
        data = body.encode() if isinstance(body, str) else body
        try:
            self.connection.request(method, self.base.path + path, data, headers)
            answer = self.connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", ""), answer.read()
        except (http.client.HTTPException, OSError):
            self.connection.close()
            raise

    def ask(self, name, expected, method, path, headers, body):
        """Sends a request, holds it to its status, keeps the answer. Gives the file, if there is a body."""
        status, kind, answer = self.send(method, path, headers, body)
        expected = expected if isinstance(expected, tuple) else (expected,)
        what = f"{name} ({method} {path[:80]} -> {status})"
        if status not in expected:
            wanted = " or ".join(map(str, expected))
            self.surprises.append(f"{what}, expected {wanted}: {answer[:200].decode(errors='replace')}")
        elif status >= 400 and b"OperationOutcome" not in answer:
            self.surprises.append(f"{what}: a refusal without an OperationOutcome")
        if not answer:
            return None
        extension = "xml" if kind.startswith(XML_TYPE) else "json"
        file = self.folder / f"{len(self.named):05}.{extension}"
        file.write_bytes(answer)
        self.named[file.name] = what
        return file

    def ask_in_xml_too(self, name, expected, method, path, headers, body):
        self.ask(name, expected, method, path, headers, body)
        if "Accept" not in headers:
            self.ask(f"{name}, XML", expected, method, path, headers | {"Accept": XML_TYPE}, body)


def collect_nation(collection):
    """All resources of the demo, a page of a searchset at a time."""
    statement = json.loads(collection.send("GET", "/metadata", {}, None)[2])
    for kind in (resource["type"] for resource in statement["rest"][0]["resource"]):
        count = json.loads(collection.send("GET", f"/{kind}?_summary=count", {}, None)[2])
        if count["total"]:
            follow_pages(collection, f"/{kind}?_count=200")


def collect_own(collection):
    for row in requests.MATERIAL:
        collection.ask(*row)
    for row in requests.LOOKS + requests.REFUSALS:
        collection.ask_in_xml_too(*row)
    follow_pages(collection, "/Patient?_count=20")
    follow_pages(collection, "/_history?_count=400")


def follow_pages(collection, path):
    """To the last page, and the page before by `previous`."""
    back = None
    while path:
        file = collection.ask("page", 200, "GET", path, {}, None)
        links = {link["relation"]: link["url"] for link in json.loads(file.read_bytes()).get("link", [])}
        back = links.get("previous", back)
        path = path_of(collection, links.get("next"))
    if back:
        collection.ask("page before", 200, "GET", path_of(collection, back), {}, None)


def path_of(collection, url):
    base = f"{collection.base.scheme}://{collection.base.netloc}{collection.base.path}"
    return url.removeprefix(base) if url else None


def collect_examples(collection, examples):
    """Stores the official examples and reads them back; of each type one in XML too."""
    seen, refused, stored = collections.Counter(), [], {}
    for path in sorted(examples.rglob("*.json")):
        text = path.read_bytes()
        resource = json.loads(text)
        kind, id = resource["resourceType"], resource.get("id")
        to = ("PUT", f"/{kind}/{id}") if id else ("POST", f"/{kind}")
        status, _, answer = collection.send(*to, {"Prefer": "return=representation"}, text)
        if status not in (200, 201):
            refused.append(path.name)
            continue
        id = json.loads(answer)["id"]
        seen[kind] += 1
        formats = [JSON_TYPE, XML_TYPE] if seen[kind] == 1 else [JSON_TYPE]
        for format in formats:
            file = collection.ask(f"example {path.name}", 200, "GET", f"/{kind}/{id}", {"Accept": format}, None)
            collection.shows[file.name] = stored[f"{kind}/{id}"] = path
    for kind in sorted(seen):
        for query in (f"/{kind}?_count=3", f"/{kind}/_history?_count=3"):
            file = collection.ask(f"of the examples: {query}", 200, "GET", query, {}, None)
            collection.shows[file.name] = stored
    print(f"{sum(seen.values())} official examples of {len(seen)} types stored; refused: {', '.join(refused) or 'none'}")


def validate(cache, folder, out):
    """Errors by file name: the validator's verdict on a folder, in one run."""
    command = ["java", "-Xmx2g", f"-Duser.home={cache / 'home'}", "-cp", str(cache / "org.hl7.fhir.publisher.jar"),
               str(VALIDATOR), str(folder), str(out), str(cache / "search-parameters"), str(PROFILES)]
    log = out.with_suffix(".log")
    with log.open("wb") as stream:
        ended = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, check=False)
    if ended.returncode:
        sys.exit(f"the validator did not come to an end:\n{log.read_text(errors='replace')[-2000:]}")
    found = collections.defaultdict(list)
    for line in out.read_text().splitlines():
        kind, file, *issue = line.split("\t")
        if kind == "done":
            found[file] += []
        else:
            found[file].append(tuple(issue))
    return found


def original_of(collection, file, place):
    """The official example that an error is in, if it is in one."""
    shown = collection.shows.get(file)
    if not isinstance(shown, dict):
        return shown
    inside = IN_ENTRY.match(place)
    if not inside:
        return None
    resource = json.loads((collection.folder / file).read_bytes())["entry"][int(inside[1])]["resource"]
    return shown.get(f"{resource['resourceType']}/{resource['id']}")


def is_of(answer, kind):
    """Whether an answer is a Bundle of that type, in JSON or XML."""
    return f'"type":"{kind}"' in answer or f'<type value="{kind}"/>' in answer


def judge(collection, cache, folder):
    found = validate(cache, collection.folder, folder / "verdict.tsv")
    missing = sorted(set(collection.named) - set(found))
    errors = [(file, place, text, original_of(collection, file, place)) for file, issues in found.items() for place, text in issues]
    suspects = sorted({original for *_, original in errors if original})
    # the same fault in the original is the specification's
    excuses = {}
    if suspects:
        (folder / "originals").mkdir()
        for path in suspects:
            (folder / "originals" / path.name).write_bytes(path.read_bytes())
        excuses = validate(cache, folder / "originals", folder / "originals.tsv")
    bad, excused = [], collections.Counter()
    answers = {file: (collection.folder / file).read_text() for file, *_ in errors}
    for file, place, text, original in errors:
        if original and any(text == known for _, known in excuses.get(original.name, [])):
            excused[original.name] += 1
        elif not any(part in text and is_of(answers[file], kind) for part, kind, _ in MISTAKEN):
            bad.append(f"{collection.named[file]}\n    {place}: {text}\n    {collection.folder / file}")
    return found, missing, excused, bad


def main():
    base, cache, folder, archive = sys.argv[1], *map(pathlib.Path, sys.argv[2:5])
    answers = folder / "answers"
    answers.mkdir(parents=True)
    collection = Collection(base, answers)
    collect_nation(collection)
    collect_own(collection)
    if archive.exists():
        with tarfile.open(archive) as tar:
            tar.extractall(folder / "examples", filter="data")
        collect_examples(collection, folder / "examples")
    else:
        print(f"{archive} is not here: without the official examples")
    found, missing, excused, bad = judge(collection, cache, folder)
    for line in collection.surprises:
        print(f"STATUS {line}")
    for line in missing:
        print(f"NOT VALIDATED {line}: {collection.named[line]}")
    for line in bad:
        print(f"ERROR {line}")
    for name in sorted(excused):
        print(f"the original has the same error: {name}")
    print(f"{len(found)} answers validated: {len(bad)} errors, {len(collection.surprises)} unexpected statuses, "
          f"{len(excused)} official examples that are invalid by themselves")
    sys.exit(1 if bad or missing or collection.surprises else 0)


if __name__ == "__main__":
    main()
