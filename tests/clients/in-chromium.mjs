// npm's fhirclient in Chromium: standalone launch, EHR launch, reading across origins, refresh, logging out.
import { readFile } from "node:fs/promises";
import http from "node:http";
import puppeteer from "puppeteer-core";

const { VAULT, APP, PASSWORD, OPERATOR } = process.env;
const library = await readFile("node_modules/fhirclient/build/fhir-client.js");
const page = (script) => `<!doctype html><meta charset=utf-8><title>app</title><script src=/fhir.js></script><script>${script}</script>`;
const launch = (more) => page(`FHIR.oauth2.authorize({ clientId: "browser-app", redirectUri: "${APP}/app.html", pkceMode: "required", ${more} })`);
const pages = {
  "/fhir.js": library,
  "/standalone.html": launch(`iss: "${VAULT}/fhir", scope: "launch/patient openid fhirUser offline_access patient/*.rs"`),
  "/launch.html": launch(`scope: "launch openid fhirUser offline_access patient/*.rs user/Practitioner.rs"`),
  "/app.html": page(`(async () => {
    const client = await FHIR.oauth2.ready();
    const patient = await client.patient.read();
    const found = await client.request("Observation?patient=" + client.patient.id);
    const user = await client.user.read();
    const before = client.state.tokenResponse.access_token;
    await client.refresh();
    const again = await client.patient.read();
    window.result = { patient: patient.id, again: again.id, found: found.total ?? found.entry.length, user: user.resourceType,
      refreshed: client.state.tokenResponse.access_token !== before, banner: client.state.tokenResponse.need_patient_banner };
  })().catch((error) => { window.result = { error: String(error) }; })`),
};
const server = http.createServer((request, response) => {
  const body = pages[new URL(request.url, APP).pathname];
  response.writeHead(body ? 200 : 404, { "Content-Type": request.url.endsWith(".js") ? "text/javascript" : "text/html" });
  response.end(body);
});
server.listen(new URL(APP).port, "127.0.0.1");

const browser = await puppeteer.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const visit = async (url, login) => {
  const context = await browser.createBrowserContext();
  const tab = await context.newPage();
  await tab.goto(url);
  await tab.waitForSelector("#login");
  await tab.type("#login", login);
  await tab.type("#password", PASSWORD);
  await Promise.all([tab.waitForNavigation(), tab.click("button[type=submit]")]);
  await tab.waitForSelector("button[value=allow]");
  await Promise.all([tab.waitForNavigation(), tab.click("button[value=allow]")]);
  await tab.waitForFunction("window.result", { timeout: 20000 });
  const result = await tab.evaluate("window.result");
  await context.close();
  return result;
};
const expect = (result, user) => {
  const text = JSON.stringify(result);
  const right = result.patient === "rao" && result.again === "rao" && result.found === 1 && result.user === user && result.refreshed;
  if (!right) throw new Error(text);
};
try {
  expect(await visit(`${APP}/standalone.html`, "rao"), "Patient");
  console.log("fhirclient (npm, Chromium): standalone launch, read, search, refresh");
  const minted = await fetch(`${VAULT}/auth/launch`, {
    method: "POST",
    headers: { Authorization: `Bearer ${OPERATOR}`, "Content-Type": "application/json" },
    body: JSON.stringify({ client_id: "browser-app", login: "sen", patient: "rao" }),
  }).then((answer) => answer.json());
  const to = `${minted.launch_uri}?iss=${encodeURIComponent(minted.iss)}&launch=${minted.launch}`;
  expect(await visit(to, "sen"), "Practitioner");
  console.log("fhirclient (npm, Chromium): EHR launch, read, search, refresh");
} finally {
  await browser.close();
  server.close();
}
