"""PyPI's cumulus-fhir-support: a hospital's system that signs who it is (SMART Backend Services), with each algorithm.
`backend.py keys DIRECTORY` makes the keys, `backend.py ask DIRECTORY` uses them."""
import asyncio
import json
import os
import sys

from cumulus_fhir_support import AuthFailed, FhirClient
from jwcrypto import jwk

KINDS = {"RS384": {"kty": "RSA", "size": 2048}, "ES384": {"kty": "EC", "crv": "P-384"}}


def keys(folder):
    for algorithm, kind in KINDS.items():
        key = jwk.JWK.generate(**kind, alg=algorithm, kid=algorithm.lower(), use="sig", key_ops=["sign", "verify"])
        for half, text in ("private", key.export()), ("public", key.export_public()):
            with open(f"{folder}/{half}-{algorithm}.json", "w") as file:
                json.dump({"keys": [json.loads(text)]}, file)


def private(folder, algorithm):
    with open(f"{folder}/private-{algorithm}.json") as file:
        return json.load(file)


async def found(client, query):
    answer = await client.request("GET", query)
    return [entry["resource"]["id"] for entry in answer.json().get("entry", [])]


async def ask(folder):
    base = os.environ["VAULT"] + "/fhir"
    for algorithm in KINDS:
        who = {"smart_client_id": f"system-{algorithm}", "smart_jwks": private(folder, algorithm)}
        async with FhirClient(base, ["Patient", "Observation"], **who) as client:
            assert await found(client, "Patient?family=Rao") == ["rao"]
            pulse = await client.request("GET", "Observation/o")
            assert pulse.json()["code"]["text"] == "pulse"
        # with a key that is not its own
        other = next(it for it in KINDS if it != algorithm)
        try:
            async with FhirClient(base, ["Patient"], **(who | {"smart_jwks": private(folder, other)})):
                raise SystemExit(f"system-{algorithm} got in with the key of another")
        except AuthFailed:
            pass
    print(f"cumulus-fhir-support (PyPI): backend service by {' and '.join(KINDS)}, search, read")


if sys.argv[1] == "keys":
    keys(sys.argv[2])
else:
    asyncio.run(ask(sys.argv[2]))
