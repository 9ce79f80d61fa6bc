// Checks a receipt (docs/reference/log-format.md) with the browser's own SHA-256 and Ed25519. No network, nothing else.
"use strict";

const KINDS = {
  1: ["减排入账", "award"], 3: ["兑换", "redemption"], 4: ["注销", "cancellation"], 5: ["到期", "expiry"],
  6: ["转赠", "transfer"], 7: ["冻结", "hold"], 8: ["冻结后支出", "settlement of a hold"], 9: ["解冻", "release of a hold"],
  10: ["冲正", "reversal"], 11: ["调整", "adjustment"], 12: ["转出", "exchange out"], 13: ["转入", "exchange in"],
  14: ["退出流通", "retirement"], 15: ["已删除声明", "erasure"], 17: ["积分领取", "credits collected"],
  18: ["逾期未领取", "credits not collected in time"], 19: ["三人变更的一步", "step of a change by three people"],
  20: ["审计记录摘要", "digest of the audit trail"], 21: ["到期积分转回", "expired credits put back"],
};
// The name of each kind, and what it may move of milligrams and of credits (log-format.md, "Entry kinds").
const zero = (one) => one === 0n, below = (one) => one < 0n, above = (one) => one > 0n, moved = (one) => one !== 0n;
const RULES = {
  1: ["award", above, (one) => one >= 0n], 3: ["redeem", zero, below], 4: ["cancel", zero, below], 5: ["expire", zero, below],
  6: ["transfer", zero, moved], 7: ["hold", zero, zero], 8: ["settle", zero, below], 9: ["release", zero, zero],
  10: ["reverse", (one) => one <= 0n, () => true], 11: ["adjust", zero, moved], 12: ["exchange_out", zero, below],
  13: ["exchange_in", zero, above], 14: ["retire", below, zero], 15: ["erased", zero, zero], 17: ["collect", zero, zero],
  18: ["lapse", zero, below], 19: ["decided", zero, zero], 20: ["audited", zero, zero], 21: ["restore", zero, above],
};
const CHECKS = {
  form: ["回执格式", "Form"], source: ["数据来源", "Source of the data"], leaf: ["记录", "Leaf"], signature: ["日志签名", "Signature of the log"],
  inclusion: ["记录在日志中", "Inclusion in the log"], opening: ["个人部分", "Personal part"], facts: ["内容一致", "Facts"],
  recomputed: ["减排量重算", "Milligrams computed again"], credits: ["积分上限", "Bound of credits"], rate: ["换算率", "Rate"], total: ["累计与上限", "Running total and caps"],
};
const STATES = { passed: ["通过", "pass"], failed: ["不通过", "FAIL"], open: ["未核对", "not checked"] };
const MEMBERS = ["format", "log", "index", "leaf", "proof", "checkpoint", "opening", "method", "setting"];

class Unlike extends Error {}
class Unable extends Error {}

const two = (zh, en) => [zh, en];
const unlike = (zh, en) => { throw Object.assign(new Unlike(en), { texts: two(zh, en) }); };
const unable = (zh, en) => { throw Object.assign(new Unable(en), { texts: two(zh, en) }); };

// -- bytes ---------------------------------------------------------------------------------------------------------

const utf8 = (text) => new TextEncoder().encode(text);
const join = (...parts) => new Uint8Array(parts.flatMap((part) => [...part]));
const same = (a, b) => a.length === b.length && a.every((byte, place) => byte === b[place]);
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

// One spelling for the same bytes, so that one flipped character is always seen.
function base64(text, what) {
  let binary;
  try { binary = atob(text); } catch { binary = null; }
  if (typeof text !== "string" || binary === null || btoa(binary) !== text) {
    unlike(`${what} 不是规范的 base64`, `${what} is not base64 as RFC 4648 writes it`);
  }
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

// -- signed notes ----------------------------------------------------------------------------------------------------

async function readKey(text) {
  const [name, hash, ...rest] = text.trim().split("+");
  const material = rest.length ? base64(rest.join("+"), "key") : new Uint8Array();
  if (!name || /[\s+]/.test(name) || material.length !== 33 || material[0] !== 1) {
    unlike("这不是日志公钥（name+hash+base64，Ed25519）", "this is not a log's verifier key (name+hash+base64, Ed25519)");
  }
  const id = (await sha256(join(utf8(name), [10], material))).slice(0, 4);
  if (hex(id) !== hash) unlike("公钥与它的校验值不符", "the key does not fit the hash that stands before it");
  return { name, id, public: material.slice(1) };
}

function readNote(note) {
  const gap = note.lastIndexOf("\n\n");
  if (gap < 1 || !note.endsWith("\n") || note.length > 65536 || /[\x00-\x09\x0b-\x1f]/.test(note)) {
    unlike("检查点不是签名便笺", "the checkpoint is not a signed note");
  }
  const lines = note.slice(gap + 2, -1).split("\n");
  if (lines.length > 64) unlike("签名过多", "there are more than 64 signatures");
  const signatures = lines.map((line) => {
    const parts = line.split(" ");
    if (parts.length !== 3 || parts[0] !== "\u2014" || !parts[1]) unlike("签名行格式不符", "a signature line is malformed");
    const blob = base64(parts[2], "signature");
    if (blob.length < 5) unlike("签名行格式不符", "a signature line is malformed");
    return { name: parts[1], id: blob.slice(0, 4), signature: blob.slice(4) };
  });
  return { text: note.slice(0, gap + 1), signatures };
}

function readHead(text) {
  const lines = text.split("\n");
  if (lines.length < 4 || lines.pop() !== "" || lines.some((line) => !line) || !/^(0|[1-9][0-9]{0,18})$/.test(lines[1]) || BigInt(lines[1]) >= 2n ** 63n) {
    unlike("检查点内容不符", "the checkpoint's text is malformed");
  }
  const root = base64(lines[2], "root");
  if (root.length !== 32) unlike("检查点内容不符", "a root has 32 bytes");
  return { origin: lines[0], size: BigInt(lines[1]), root };
}

async function checkSignature(receipt, keyText) {
  if (!keyText.trim()) unlike("没有给出日志公钥，因此没有什么可以为这份回执作证", "no verifier key was given, so nothing vouches for this receipt");
  const key = await readKey(keyText);
  const note = readNote(receipt.checkpoint);
  const own = note.signatures.filter((line) => line.name === key.name && same(line.id, key.id));
  if (!own.length) unlike(`检查点没有 ${key.name} 的这把公钥的签名`, `no line of the checkpoint is signed by this key of ${key.name}`);
  let verifier;
  try {
    verifier = await crypto.subtle.importKey("raw", key.public, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    unable("这个浏览器没有 Ed25519，无法核对签名：请换新版浏览器，或用命令 abate verify", "this browser has no Ed25519 and cannot check signatures: take a newer one, or the command abate verify");
  }
  for (const line of own) {
    if (!(await crypto.subtle.verify({ name: "Ed25519" }, verifier, line.signature, utf8(note.text)))) {
      unlike("签名与检查点不符", "the signature does not fit the checkpoint");
    }
  }
  const head = readHead(note.text);
  if (head.origin !== key.name || head.origin !== receipt.log) {
    unlike(`回执属于 ${receipt.log}，检查点属于 ${head.origin}，公钥属于 ${key.name}`, `the receipt is of ${receipt.log}, its checkpoint of ${head.origin}, the key of ${key.name}`);
  }
  return two(`${head.origin}，共 ${head.size} 条记录，签名有效`, `${head.origin}, ${head.size} entries, signed by ${key.name}+${hex(key.id)}`);
}

// -- the tree (RFC 9162, 2.1.3.2) --------------------------------------------------------------------------------------

async function checkInclusion(receipt, leaf) {
  const head = readHead(readNote(receipt.checkpoint).text);
  let place = BigInt(receipt.index), last = head.size - 1n;
  if (place > last) unlike(`日志只有 ${head.size} 条记录`, `entry ${place} is not in a tree of ${head.size}`);
  const proof = receipt.proof.map((one, at) => base64(one, `proof[${at}]`));
  let value = await sha256(join([0], leaf));
  for (const sibling of proof) {
    if (sibling.length !== 32) unlike("证明里有一项不是 32 字节", "a hash of the proof has not 32 bytes");
    if (last === 0n) unlike("证明过长", "the proof is too long");
    if (place & 1n || place === last) {
      value = await sha256(join([1], sibling, value));
      while (!(place & 1n) && place) { place >>= 1n; last >>= 1n; }
    } else {
      value = await sha256(join([1], value, sibling));
    }
    place >>= 1n; last >>= 1n;
  }
  if (last) unlike("证明过短", "the proof is too short");
  if (!same(value, head.root)) unlike("证明导向另一个根", "the proof leads to another root than the signed one");
  return two(`第 ${receipt.index} 号，共 ${head.size} 条`, `number ${receipt.index} of the ${head.size} under the signed root`);
}

// -- the leaf and what opens it --------------------------------------------------------------------------------------------

// Microseconds from 1970 to the beginning of the year 1, and to the end of the year 9999.
const FIRST = -62135596800000000n, LAST = 253402300799999999n;

function readLeaf(data) {
  const format = data[0], size = { 1: 155, 2: 187 }[format];
  if (!size) unlike(`不认识的记录格式 ${format}，请用新版核对页`, `leaf format ${format} is not known here: take a newer page`);
  if (data.length !== size) unlike(`格式 ${format} 的记录应为 ${size} 字节，现为 ${data.length}`, `a leaf of format ${format} has ${size} bytes; these are ${data.length}`);
  const zeros = (from) => data.slice(from, from + 32).every((byte) => byte === 0);
  if (format === 2 && (zeros(123) || zeros(155))) unlike("格式 2 的记录缺少承诺", "a leaf of format 2 commits by SHA-256 and by SM3");
  const view = new DataView(data.buffer, data.byteOffset);
  const leaf = {
    kind: view.getInt16(1), carbon: view.getBigInt64(3), credits: view.getBigInt64(11), at: view.getBigInt64(19),
    method: data.slice(27, 59), factors: data.slice(59, 91), cause: data.slice(91, 123), commitment: data.slice(123, 155), sm3: format === 2,
  };
  const rule = RULES[leaf.kind];
  if (!rule) unlike(`没有类别 ${leaf.kind}`, `there is no entry kind ${leaf.kind}`);
  const [name, carbon, credits] = rule;
  const still = leaf.carbon === 0n && leaf.credits === 0n && !(carbon === zero && credits === zero);
  if (still || !carbon(leaf.carbon) || !credits(leaf.credits)) unlike(`类别 ${name} 不能有 ${leaf.carbon} 毫克、${leaf.credits} 分`, `an entry of kind ${name} cannot move ${leaf.carbon} mg and ${leaf.credits} credits`);
  if (leaf.at < FIRST || leaf.at > LAST) unlike("记账时间不是日期", "when it was booked is no date of this calendar");
  return leaf;
}

async function checkOpening(receipt, leaf) {
  if (leaf.commitment.every((byte) => byte === 0)) unable("这条记录没有个人部分", "this leaf commits to no personal part");
  if (receipt.opening === null) unable("没有给出，或已随本人的密钥删除", "nothing is opened: withheld, or erased with the person's key");
  const salt = base64(receipt.opening.salt, "salt");
  const digest = await sha256(utf8(receipt.opening.personal));
  if (!same(await sha256(join(salt, digest)), leaf.commitment)) {
    unlike("给出的个人部分不是记录所承诺的", "the opened personal part and salt are not what the leaf commits to");
  }
  // No browser offers SM3; the command checks it.
  if (leaf.sm3) return two("与记录的承诺一致（国密 SM3 摘要本页不核对，请用命令 abate verify）", "it is what the leaf commits to (its SM3 is not checked here; the command abate verify does)");
  return two("与记录的承诺一致", "it is what the leaf commits to");
}

// The recipes of personal parts, member for member: texts, whole numbers, and the record as the text that it is.
const TEXT = String.raw`("[^"\\]*(?:\\.[^"\\]*)*")`, NUMBER = "(-?[0-9]{1,19})";
const recipe = (members) => {
  const names = Object.keys(members);
  return { names, form: new RegExp(`^\\{${names.map((name) => `"${name}":${members[name]}`).join(",")}\\}$`, "s") };
};
const AWARD = recipe({
  subject: TEXT, party: TEXT, event: TEXT, behaviour: TEXT, occurred_at: TEXT, record: "(\\{.*\\})", er_mg: NUMBER, version: NUMBER, factors: TEXT,
});
const REDEEM = recipe({ person: TEXT, order: TEXT, credits: NUMBER });
const BOOKING = recipe({ person: TEXT, kind: TEXT, cause: TEXT, carbon_mg: NUMBER, credits: NUMBER, held: NUMBER });
const NAMING = ["reverse", "restore", "settle", "release"];

// The members that a personal part of this recipe has, whole numbers as BigInt; null where it is of another recipe.
function readPart({ names, form }, text) {
  const found = form.exec(text);
  if (!found) return null;
  const spelt = (one) => (one.startsWith('"') ? JSON.stringify(JSON.parse(one)) : one.startsWith("{") ? one : String(BigInt(one)));
  const told = parse(text);
  if (!only(told, names) || found.slice(1).some((one) => spelt(one) !== one)) return null;
  return { ...told, ...Object.fromEntries(names.map((name, at) => [name, found[at + 1]]).filter(([, one]) => /^[-0-9]/.test(one)).map(([name, one]) => [name, BigInt(one)])) };
}

async function checkFacts(receipt, leaf) {
  const text = receipt.opening.personal;
  const equal = (opened, told, zh, en) => { if (opened !== told) unlike(`个人部分的${zh}为 ${opened}，记录为 ${told}`, `${en}: the opened part says ${opened}, the leaf says ${told}`); };
  const digest = async (one) => hex(await sha256(utf8(one)));
  let part;
  if ((part = readPart(AWARD, text))) {
    equal("award", RULES[leaf.kind][0], "类别", "kind");
    equal(part.er_mg, leaf.carbon, "毫克数", "er_mg");
    equal(await digest(part.factors), hex(leaf.factors), "因子", "factors");
    if (receipt.method) equal(part.version, BigInt(receipt.method.version), "方法学版本", "methodology version");
    return two(`${part.behaviour}，${part.occurred_at}`, `${part.behaviour} of ${part.occurred_at}, event ${part.event} of ${part.party}`);
  }
  if ((part = readPart(REDEEM, text))) {
    equal("redeem", RULES[leaf.kind][0], "类别", "kind");
    equal(-part.credits, leaf.credits, "积分数", "credits");
    equal(await digest(part.order), hex(leaf.cause), "订单", "order");
    return two(`订单 ${part.order}`, `order ${part.order}`);
  }
  if (!(part = readPart(BOOKING, text))) unlike("个人部分不合格式", "the personal part does not follow its recipe");
  equal(part.kind, RULES[leaf.kind][0], "类别", "kind");
  equal(part.carbon_mg, leaf.carbon, "毫克数", "carbon_mg");
  equal(part.credits, leaf.credits, "积分数", "credits");
  equal(NAMING.includes(part.kind) ? part.cause.slice(0, 64) : await digest(part.cause), hex(leaf.cause), "缘由", "cause");
  return two(`${part.cause}；冻结 ${part.held} 分`, `${part.cause}; ${part.held} held`);
}

// One award shows the bound that its rate sets to its credits; neither the rate nor the running total is in its leaf.
function checkCredits(receipt, leaf) {
  const rate = BigInt(receipt.rate ?? 1000), most = (leaf.carbon * rate + 999999n) / 1000000n;
  if (leaf.credits < 0n || leaf.credits > most) unlike(`按每千克 ${rate} 分至多 ${most} 分，记录为 ${leaf.credits}`, `${leaf.carbon} mg yield ${most} credits at most at ${rate} a kilogram, booked are ${leaf.credits}`);
  return two(`所记 ${leaf.credits} 分；若每千克 ${rate} 分，至多 ${most} 分`, `${leaf.credits} credits, as booked; at most ${most} possible, if ${rate} a kilogram is the rate`);
}
const AWARD_OPEN = {
  recomputed: () => unable("本页不重算，请用命令 abate verify", "not done here: the command abate verify does"),
  rate: ({ rate = 1000 }) => unable(`每千克 ${rate} 分只是签发方的说法，这条记录并未锁定；核对整个日志可知当日获批的换算率`,
    `${rate} credits a kilogram is the issuer's word, the leaf does not bind it: the whole log shows which rate was approved for the day`),
  total: () => unable("由本人的完整对账单核对", "the person's whole statement shows them"),
};

// -- all of it -------------------------------------------------------------------------------------------------------------

// As the command reads JSON: no member twice, for readers differ on which counts, and no half of a sign.
function parse(text) {
  const made = JSON.parse(text, (name, value) => {
    if ([name, value].some((one) => typeof one === "string" && /\p{Cs}/u.test(one))) throw new SyntaxError("half of a sign");
    return value;
  });
  const kept = (one) => (one && typeof one === "object" ? Object.values(one).reduce((sum, each) => sum + kept(each), Array.isArray(one) ? 0 : Object.keys(one).length) : 0);
  const written = [...text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g)].filter((one) => one[1]).length;
  if (written !== kept(made)) throw new SyntaxError("a member stands twice");
  return made;
}
const only = (one, names) => one !== null && typeof one === "object" && String(Object.keys(one).sort()) === String([...names].sort());
const isText = (one) => typeof one === "string";
const orNull = (fits) => (one) => one === null || fits(one);
const PARTS = {
  opening: orNull((one) => only(one, ["salt", "personal"]) && isText(one.salt) && isText(one.personal)),
  method: orNull((one) => only(one, ["id", "version"]) && isText(one.id) && Number.isInteger(one.version)),
  setting: orNull((one) => only(one, ["region", "floor", "pack", "zone"]) && orNull(isText)(one.region) && orNull(isText)(one.pack) && isText(one.floor) && isText(one.zone)),
};

function readForm(text) {
  let receipt;
  try {
    receipt = parse(text);
    // A whole number is written as one: 1.0 and 2e3 are none to other readers.
    if (/[0-9][.eE]/.test(text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"/g, '""'))) throw new SyntaxError("not a whole number");
  } catch { unlike("不是规范的 JSON 文件", "not the JSON it should be"); }
  const names = receipt && typeof receipt === "object" ? Object.keys(receipt).sort() : [];
  const rated = receipt?.format === "abate-receipt/3";
  const marked = receipt?.format === "abate-receipt/2" || (rated && "source" in receipt);
  const more = [...(marked ? ["source"] : []), ...(rated ? ["rate"] : [])];
  if (String(names) !== String([...MEMBERS, ...more].sort())) unlike("这不是回执", "this is not a receipt");
  if (!marked && !rated && receipt.format !== "abate-receipt/1") unlike("不认识的回执格式，请用新版核对页", "a format not known here: take a newer page");
  const { proof, index } = receipt;
  const texts = [receipt.log, receipt.leaf, receipt.checkpoint];
  if (!Array.isArray(proof) || proof.length > 64 || !Number.isSafeInteger(index) || index < 0 || !texts.every(isText) || Object.entries(PARTS).some(([name, fits]) => !fits(receipt[name]))) {
    unlike("回执内容不完整", "a member of the receipt is not of its type");
  }
  if (marked && !whole(receipt.source)) unlike("数据来源不合规定", "the mark of its source is not as described");
  if (rated && !(Number.isInteger(receipt.rate) && receipt.rate >= 1 && receipt.rate <= 1e6 && receipt.rate !== 1000)) unlike("换算率不合规定", "its rate is no number of credits a kilogram");
  return receipt;
}

// Exactly the members of a source, each as the command takes it: what is shown cannot pass for a line of its own, or hide.
const shown = (one) => typeof one === "string" && one !== "" && [...one].length <= 200 && !/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(one);
const count = (one) => Number.isInteger(one) && one >= 0 && one < 2 ** 31;
const list = (one) => Array.isArray(one) && one.length <= 1000 && one.every(shown);
function day(one) {
  const date = /^(?!0000)\d{4}-\d{2}-\d{2}$/.test(one) ? new Date(`${one}T00:00:00Z`) : new Date(NaN);
  return typeof one === "string" && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(one);
}
const SOURCE = {
  source: shown, version: count, mark: shown, level: count, uses: list, shared_with: list, retention_days: count,
  valid_from: day, valid_until: day, use_until: day,
};
function whole(source) {
  if (!source || typeof source !== "object" || String(Object.keys(source).sort()) !== String(Object.keys(SOURCE).sort())) return false;
  return Object.entries(SOURCE).every(([name, fits]) => fits(source[name]));
}

// The terms on which the data was lent go with it; the leaf does not bind them.
function lent({ source: name, mark, level, uses, shared_with: told, use_until: until }) {
  const [used, given] = [uses.join(", "), told.join(", ")];
  return unable(`平台的说明，记录未加以约束：数据来源 ${name}（${mark}，${level} 级），准用于 ${used}，统计数字可共享给 ${given || "无"}，至 ${until}`,
    `the platform's word, not bound by the leaf: its data was lent by ${name} (${mark}; level ${level}) for ${used}, figures to ${given || "nobody"}, until ${until}`);
}

async function verify(text, key) {
  const checks = [];
  const look = async (name, see) => {
    try {
      checks.push({ name, state: "passed", texts: await see() });
      return true;
    } catch (fault) {
      if (!(fault instanceof Unlike) && !(fault instanceof Unable)) {
        fault = { texts: two(`内容无法读取：${fault.message}`, `it cannot be read: ${fault.message}`) };
      }
      checks.push({ name, state: fault instanceof Unable ? "open" : "failed", texts: fault.texts });
      return false;
    }
  };
  let receipt, data, leaf;
  if (await look("form", () => { 
    receipt = readForm(text);
    return two(`日志 ${receipt.log}`, `a receipt of log ${receipt.log}`);
  })) {
    if (receipt.source) await look("source", () => lent(receipt.source));
    const readable = await look("leaf", () => {
      data = base64(receipt.leaf, "leaf");
      leaf = readLeaf(data);
      return KINDS[leaf.kind] || two(`类别 ${leaf.kind}`, `kind ${leaf.kind}`);
    });
    await look("signature", () => checkSignature(receipt, key));
    if (readable) {
      await look("inclusion", () => checkInclusion(receipt, data));
      if (await look("opening", () => checkOpening(receipt, leaf))) await look("facts", () => checkFacts(receipt, leaf));
      if (leaf.kind === 1) {
        await look("credits", () => checkCredits(receipt, leaf));
        for (const [name, see] of Object.entries(AWARD_OPEN)) await look(name, () => see(receipt));
      }
    }
  }
  const failed = checks.find((check) => check.state === "failed");
  const proved = ["leaf", "signature", "inclusion"].every((name) => checks.some((check) => check.name === name && check.state === "passed"));
  const open = checks.filter((check) => check.state === "open").map((check) => check.name);
  return { verdict: failed ? "wrong" : proved ? "right" : "open", failed: failed ? failed.name : null, open, checks, receipt, leaf };
}

// -- the page ------------------------------------------------------------------------------------------------------------------

const byId = (id) => document.getElementById(id);
const element = (name, className, ...children) => {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
};
// Both languages stand in the page; the style sheet shows one.
const spans = ([zh, en]) => ["zh-Hans", "en"].map((lang, at) => {
  const made = element("span", "", [zh, en][at]);
  made.lang = lang;
  return made;
});

function moment(microseconds) {
  const date = new Date(Number(microseconds / 1000n));
  return Number.isNaN(date.getTime()) ? String(microseconds) : date.toISOString();
}

function show(found) {
  const words = {
    right: two("核对通过：这条记录及其数额在已签名的日志里。", "Verified: this entry, with its amounts, is in the signed log."),
    wrong: two("核对不通过。", "Refused."),
    open: two("无法核对。", "It cannot be checked here."),
  };
  byId("verdict").className = `verdict ${found.verdict}`;
  byId("verdict").dataset.verdict = found.verdict;
  const left = found.verdict === "right" ? found.open : [];
  byId("verdict").dataset.notProved = left.join(" ");
  const named = (at, between) => left.map((name) => CHECKS[name][at]).join(between);
  const more = left.length ? two(` 未证明：${named(0, "、")}。`, ` Not proved: ${named(1, ", ")}.`) : two("", "");
  byId("verdict").replaceChildren(...spans(words[found.verdict].map((word, at) => word + more[at])));
  byId("checks").replaceChildren(...found.checks.map(({ name, state, texts }) => {
    const mark = element("strong", { passed: "right", failed: "wrong", open: "open" }[state], ...spans(STATES[state]));
    const made = element("li", "", mark, " ", ...spans(CHECKS[name]), ": ", ...spans(texts));
    made.dataset.check = name;
    made.dataset.state = state;
    return made;
  }));
  const rows = found.verdict === "right" ? [
    [two("类别", "Kind"), two(...(KINDS[found.leaf.kind] || [String(found.leaf.kind), String(found.leaf.kind)]))],
    [two("减排量", "Avoided"), two(`${found.leaf.carbon} 毫克 CO2e`, `${found.leaf.carbon} mg CO2e`)],
    [two("积分", "Credits"), two(String(found.leaf.credits), String(found.leaf.credits))],
    [two("记账时间", "Booked"), two(moment(found.leaf.at), moment(found.leaf.at))],
  ] : [];
  byId("facts").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", "", ...spans(name)), element("dd", "", ...spans(value))]));
  byId("result").hidden = false;
}

async function check() {
  if (!globalThis.crypto || !crypto.subtle) {
    const texts = two("浏览器只在 https、本机或本地文件中提供密码运算：请把本页存到电脑上打开，或用命令 abate verify", "the browser computes hashes only over https, on this machine or from a file: keep a copy of this page and open that, or use the command abate verify");
    show({ verdict: "open", open: [], checks: [{ name: "signature", state: "open", texts }] });
    return;
  }
  const file = byId("file").files[0];
  const text = byId("text").value.trim() || (file ? await file.text() : "");
  show(await verify(text, byId("key").value));
}

byId("form").addEventListener("submit", (event) => { event.preventDefault(); check(); });
byId("file").addEventListener("change", () => { byId("text").value = ""; });
byId("language").addEventListener("click", () => speak(document.body.dataset.lang === "zh" ? "en" : "zh"));
function speak(lang) {
  document.body.dataset.lang = lang;
  document.documentElement.lang = lang === "zh" ? "zh-Hans" : "en";
}
speak(/^zh\b/i.test(navigator.language) || !/^en\b/i.test(navigator.language) ? "zh" : "en");
