// The dashboard as people meet it: what stands on the page, that it moves by itself, that a decision opens, that the
// keyboard and a telephone will do, that nothing is asked of anybody else.
//
//   node dashboard_test.mjs path/to/serve_api_test_server [FOLDER FOR SCREENSHOTS]
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const SKIPPED = 77;
const skip = (why) => { console.log(`skipped: ${why}`); process.exit(SKIPPED); };

const web = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../web");
const chrome = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find(existsSync);
if (!chrome) skip("chromium is not installed (tools/install_packages web)");
if (!existsSync(path.join(web, "node_modules/playwright-core"))) skip("playwright-core is not installed (./dev web)");
const { chromium } = createRequire(path.join(web, "package.json"))("playwright-core");

const [program, shots] = process.argv.slice(2);
const WAIT = { timeout: 30_000 };

// A server of its own, and what it takes to end it.
async function serve(environment = {}) {
  const server = spawn(program, [], { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...environment } });
  const port = await new Promise((resolve, reject) => {
    server.stdout.once("data", (text) => resolve(String(text).trim()));
    server.once("exit", (status) => reject(new Error(`the server ended with ${status}`)));
  });
  return { url: `http://127.0.0.1:${port}`, end: () => server.stdin.end() };
}

const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: chrome, args: flags });

// A page that notes every request and every complaint of the browser.
async function open(url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const seen = { requests: [], complaints: [] };
  page.on("request", (request) => seen.requests.push(request.url()));
  page.on("console", (message) => message.type() === "error" && seen.complaints.push(message.text()));
  page.on("pageerror", (error) => seen.complaints.push(error.message));
  await page.goto(url);
  return { page, seen, close: () => context.close() };
}
const shoot = (page, name) => shots && page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
// Asks again and again. (Playwright's own waitForFunction needs eval, which the page's policy rightly refuses.)
async function until(page, holds, argument) {
  for (const end = Date.now() + WAIT.timeout; Date.now() < end; await page.waitForTimeout(50))
    if (await page.evaluate(holds, argument)) return;
  throw new Error(`it did not come to hold: ${holds}`);
}
const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

const tests = {
  async "the fleet is a table that says who steers and what is missed"({ url }) {
    const { page, close } = await open(url);
    await page.waitForSelector(".fleet tbody tr", WAIT);
    const rows = await page.$$eval(".fleet tbody tr", (all) => all.map((row) => row.innerText));
    assert.equal(rows.length, 4);
    assert.match(rows[1], /code[\s\S]*shadow/);
    assert.match(rows[2], /draft[\s\S]*paused by bob[\s\S]*floor 2 by ada/);
    assert.match(rows[3], /embed[\s\S]*none/);
    assert.ok(!rows[1].includes("0/s") && rows[1].includes("–"), "what was not measured is a dash and not zero");
    await shoot(page, "fleet");
    await close();
  },

  async "a service page draws every chart and goes on by itself"({ url }) {
    const { page, close } = await open(`${url}/#/service/chat`);
    await page.waitForSelector(".decisions tr", WAIT);
    const titles = await page.$$eval(".chart h3", (all) => all.map((title) => title.textContent));
    assert.deepEqual(titles, ["Replicas and band", "Demand, requests per second", "Latency against the SLO", "Queue",
      "Cost, $ per hour"]);
    // Something is painted on each canvas.
    const painted = await page.$$eval(".chart canvas", (all) => all.map((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    }));
    assert.equal(painted.length, 5);
    for (const colours of painted) assert.ok(colours > 4, `colours on a canvas: ${painted}`);
    const before = await page.textContent(".connection");
    assert.match(before, /live/);
    await until(page, (old) => document.querySelector(".connection").textContent !== old, before);
    await shoot(page, "service");
    await close();
  },

  async "a click on a marker shows its record, and why it would be another size"({ url }) {
    const { page, close } = await open(`${url}/#/service/chat`);
    await page.waitForSelector(".decisions tr", WAIT);
    const over = page.locator(".chart .u-over").first();
    const box = await over.boundingBox();
    // Somewhere on the axis a marker is near.
    for (let x = box.width - 6; x > 0 && !(await page.$(".record table")); x -= 18) {
      await over.click({ position: { x, y: box.height / 2 } });
      await page.waitForTimeout(60);
    }
    await page.waitForSelector(".record table.stages", WAIT);
    const stages = await page.$$eval(".record .stages tbody tr td:first-child", (all) => all.map((cell) => cell.innerText));
    assert.deepEqual(stages, ["observe", "forecast", "size", "band", "mix", "budget", "guard"]);
    assert.match(page.url(), /#\/service\/chat\/decision\/\d+$/);
    await page.fill(".whatif input", "9");
    await page.click(".whatif button");
    await until(page, () => document.querySelector(".whatif pre")?.innerText.includes("What would make it 9"));
    await shoot(page, "record");
    await close();
  },

  async "the keyboard alone will do"({ url }) {
    const { page, close } = await open(url);
    await page.waitForSelector(".fleet tbody tr", WAIT);
    const focused = () => page.evaluate(() => document.activeElement.textContent);
    for (let i = 0; i < 10 && (await focused()) !== "chat"; ++i) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".decisions button", WAIT);
    await page.focus(".decisions button");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".record table", WAIT);
    const first = page.url();
    await page.keyboard.press("ArrowLeft");
    await until(page, (old) => location.href !== old, first);
    await page.keyboard.press("Escape");
    await until(page, () => !document.querySelector(".record"));
    await close();
  },

  async "a telephone's width is enough, light and dark"({ url }) {
    for (const colorScheme of ["light", "dark"]) {
      const { page, close } = await open(url, { colorScheme, viewport: { width: 360, height: 740 } });
      await page.waitForSelector(".fleet tbody tr", WAIT);
      assert.ok(await fits(page), "the fleet is wider than the screen");
      await shoot(page, `fleet-360-${colorScheme}`);
      await page.goto(`${url}/#/service/chat`);
      await page.waitForSelector(".decisions button", WAIT);
      await page.click(".decisions button");
      await page.waitForSelector(".record table", WAIT);
      assert.ok(await fits(page), "the service is wider than the screen");
      await shoot(page, `service-360-${colorScheme}`);
      await close();
    }
  },

  async "dark is dark"({ url }) {
    const { page, close } = await open(`${url}/#/service/chat`, { colorScheme: "dark" });
    await page.waitForSelector(".decisions button", WAIT);
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
    assert.ok(Math.max(...ground) < 64, `the ground is ${ground}`);
    await shoot(page, "service-dark");
    await close();
  },

  async "nothing is asked of anybody else, and the browser has no complaint"({ url }) {
    const { page, seen, close } = await open(`${url}/#/service/draft`);
    await page.waitForSelector(".decisions, .empty", WAIT);
    await page.goto(`${url}/#/service/gone`);
    await until(page, () => document.body.innerText.includes("There is no service"));
    assert.deepEqual(seen.requests.filter((one) => !one.startsWith(url)), []);
    assert.deepEqual(seen.complaints, []);
    await close();
  },

  async "a guarded controller is shown once its token is given"() {
    const { url, end } = await serve({ TEST_TOKEN: "s3cret" });
    const { page, close } = await open(url);
    await page.waitForSelector(".token input", WAIT);
    await page.fill(".token input", "wrong");
    await page.click(".token button");
    await page.waitForTimeout(300);
    assert.ok(await page.$(".token input"));
    await page.fill(".token input", "s3cret");
    await page.click(".token button");
    await page.waitForSelector(".fleet tbody tr", WAIT);
    await close();
    end();
  },

  async "a controller that goes away is told of, and the figures are called old"() {
    const { url, end } = await serve();
    const { page, close } = await open(url);
    await page.waitForSelector(".fleet tbody tr", WAIT);
    end();
    await page.waitForSelector(".connection.lost", WAIT);
    assert.match(await page.textContent(".connection"), /old/);
    await close();
  },
};

let failed = 0;
const server = await serve();
for (const [name, test] of Object.entries(tests)) {
  try {
    await test(server);
    console.log(`ok    ${name}`);
  } catch (error) {
    ++failed;
    console.log(`FAIL  ${name}\n${error.stack}`);
  }
}
server.end();
await browser.close();
console.log(`${Object.keys(tests).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
