// fhir-kit-client, fhirclient and @medplum/core from npm at the vault named by the first argument.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as kit from 'fhir-kit-client';

// @medplum/core names it as it is loaded; Node has one since version 22
globalThis.WebSocket ??= class {};
const { MedplumClient } = await import('@medplum/core');

const base = process.argv[2];
const word = () => 'w' + Math.random().toString(36).slice(2);
const basics = { resourceType: 'Bundle', type: 'transaction',
  entry: [{ resource: { resourceType: 'Basic', code: { text: 'x' } }, request: { method: 'POST', url: 'Basic' } }] };

async function withKit() {
  const Client = kit.default?.default ?? kit.default ?? kit.FhirKitClient ?? kit.Client;
  const client = new Client({ baseUrl: base });
  const tag = word();
  assert.equal((await client.capabilityStatement()).fhirVersion, '4.0.1');
  const rao = await client.create({ resourceType: 'Patient', body: { resourceType: 'Patient', name: [{ family: tag }] } });
  const change = { resourceType: 'Patient', id: rao.id, body: { ...rao, active: true }, options: { headers: { 'If-Match': 'W/"1"' } } };
  assert.equal((await client.update(change)).meta.versionId, '2');
  await assert.rejects(client.update(change), (error) => error.response.status === 412);
  assert.equal((await client.vread({ resourceType: 'Patient', id: rao.id, version: '1' })).active, undefined);
  const patched = await client.patch({ resourceType: 'Patient', id: rao.id, jsonPatch: [{ op: 'replace', path: '/active', value: false }] });
  assert.equal(patched.active, false);
  for (let n = 0; n < 4; n++) await client.create({ resourceType: 'Patient', body: { resourceType: 'Patient', name: [{ family: tag }] } });
  const first = await client.search({ resourceType: 'Patient', searchParams: { family: tag, _count: 2 } });
  const ids = [];
  for (let page = first; page; page = await client.nextPage({ bundle: page })) ids.push(...page.entry.map((entry) => entry.resource.id));
  assert.equal(new Set(ids).size, 5);
  assert.equal(ids.length, 5);
  const second = await client.nextPage({ bundle: first });
  assert.equal((await client.prevPage({ bundle: second })).entry[0].fullUrl, first.entry[0].fullUrl);
  assert.equal((await client.history({ resourceType: 'Patient', id: rao.id })).entry.length, 3);
  assert.equal((await client.transaction({ body: basics })).entry[0].response.status.slice(0, 3), '201');
  const batch = { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'GET', url: `Patient/${rao.id}` } }] };
  assert.equal((await client.batch({ body: batch })).entry[0].resource.id, rao.id);
  await client.delete({ resourceType: 'Patient', id: rao.id });
  await assert.rejects(client.read({ resourceType: 'Patient', id: rao.id }), (error) => error.response.status === 410);
}

async function withSmart() {
  const smart = createRequire(import.meta.url)('fhirclient');
  const client = smart({ headers: { host: 'app.example' }, url: '/' }, {}, {}).client(base);
  const tag = word();
  const rao = await client.create({ resourceType: 'Patient', name: [{ family: tag }] });
  const update = await client.request({ url: `Patient/${rao.id}`, method: 'PUT', body: JSON.stringify({ ...rao, active: true }),
    headers: { 'Content-Type': 'application/fhir+json', 'If-Match': 'W/"1"' } });
  assert.equal(update.meta.versionId, '2');
  const observation = { resourceType: 'Observation', status: 'final', code: { text: 'pulse' }, subject: { reference: `Patient/${rao.id}` } };
  for (let n = 0; n < 5; n++) await client.create(observation);
  const found = await client.request(`Observation?subject=Patient/${rao.id}&_count=2`, { pageLimit: 0, flat: true, resolveReferences: 'subject' });
  assert.equal(found.length, 5);
  assert.ok(found.every((one) => one.subject.name[0].family === tag));
  assert.equal((await client.request(`Patient/${rao.id}/_history`)).entry.length, 2);
  const done = await client.request({ url: '', method: 'POST', body: JSON.stringify(basics), headers: { 'Content-Type': 'application/fhir+json' } });
  assert.equal(done.entry[0].response.status.slice(0, 3), '201');
  await client.patch(`Patient/${rao.id}`, [{ op: 'replace', path: '/active', value: false }]);
  await client.delete(`Patient/${rao.id}`);
  await assert.rejects(client.request(`Patient/${rao.id}`), (error) => error.status === 410);
}

async function withMedplum() {
  const { origin, pathname } = new URL(base);
  const client = new MedplumClient({ baseUrl: origin, fhirUrlPath: pathname.slice(1), fetch, cacheTime: 0 });
  const tag = word();
  const rao = await client.createResource({ resourceType: 'Patient', name: [{ family: tag }], identifier: [{ system: 'urn:medplum', value: tag }] });
  assert.equal((await client.readResource('Patient', rao.id)).name[0].family, tag);
  assert.equal((await client.updateResource({ ...rao, active: true }, { headers: { 'If-Match': 'W/"1"' } })).meta.versionId, '2');
  await assert.rejects(client.updateResource({ ...rao, active: false }, { headers: { 'If-Match': 'W/"1"' } }));
  const known = await client.createResourceIfNoneExist({ resourceType: 'Patient', name: [{ family: 'Other' }] }, `identifier=urn:medplum|${tag}`);
  assert.equal(known.id, rao.id);
  assert.equal((await client.patchResource('Patient', rao.id, [{ op: 'replace', path: '/active', value: false }])).active, false);
  for (let n = 0; n < 4; n++) await client.createResource({ resourceType: 'Patient', name: [{ family: tag }] });
  const ids = [];
  for await (const page of client.searchResourcePages('Patient', `family=${tag}&_count=2`)) ids.push(...page.map((one) => one.id));
  assert.equal(new Set(ids).size, 5);
  assert.equal((await client.searchOne('Patient', `identifier=urn:medplum|${tag}`)).id, rao.id);
  assert.equal((await client.readHistory('Patient', rao.id)).entry.length, 3);
  assert.equal((await client.executeBatch(basics)).entry[0].response.status.slice(0, 3), '201');
  await client.deleteResource('Patient', rao.id);
  await assert.rejects(client.readResource('Patient', rao.id, { cache: 'reload' }));
}

for (const [name, act] of [['fhir-kit-client', withKit], ['fhirclient of npm', withSmart], ['@medplum/core', withMedplum]]) {
  await act();
  console.log(`${name}: all`);
}
