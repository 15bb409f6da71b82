async (given) => {
  const modules = ["exact_bytes", "signed_note", "merkle", "proof"];
  const proof = Object.assign({}, ...(await Promise.all(modules.map((name) => import(`/static/desk/${name}.js`)))));
  const { askDesk, askFile } = await import("/static/desk/service.js");
  const bytes = (text) => new TextEncoder().encode(text);
  const base64 = (text) => proof.toBase64(bytes(text));
  const encoded = (value) => base64(proof.canonical(value));
  const decoded = (text) => JSON.parse(new TextDecoder().decode(proof.fromBase64(text)));
  const flipped = (text, place = 3) => {
    const raw = proof.fromBase64(text);
    raw[place] ^= 4;
    return proof.toBase64(raw);
  };
  const judged = { lacking: await proof.lacking() };

  // The golden vector that Go's checksum-database packages accept too.
  const golden = bytes(given.golden.note);
  const goldenKey = await proof.readKey(given.golden.key);
  const read = await proof.checkSignature(golden, [goldenKey]);
  judged.golden = { ok: read.check.ok, size: String(read.checkpoint.size) };
  judged.golden_bits_that_passed = [];
  for (let bit = 0; bit < golden.length * 8; bit += 1) {
    const changed = golden.slice();
    changed[bit >> 3] ^= 1 << (bit & 7);
    if ((await proof.checkSignature(changed, [goldenKey])).check.ok !== false) judged.golden_bits_that_passed.push(bit);
  }

  // Values written in their one form by the service's own code, and values that have none.
  judged.canonical = given.canonical.filter(([text, wanted]) => base64(proof.canonical(JSON.parse(text))) !== wanted);
  judged.not_refused = given.refused.filter((text) => {
    try {
      proof.canonical(JSON.parse(text));
      return true;
    } catch (fault) {
      return !(fault instanceof proof.Rejected);
    }
  });

  // Proofs made by the service's own code: right ones lead to the root, shortened and changed ones do not.
  const { leaves, roots, inclusions, growths } = given.trees;
  const hashes = (texts) => texts.map(proof.fromBase64);
  const leadsTo = (promise, wanted) => promise.then((found) => String(found.map(proof.toBase64)) === String(wanted), () => false);
  judged.trees = { right: [], wrong: [] };
  for (const [index, size, path] of inclusions) {
    const leads = (steps, at = index) => leadsTo(proof.rootFromInclusion(proof.fromBase64(leaves[at]), BigInt(index), BigInt(size), steps).then((root) => [root]), [roots[size]]);
    if (!(await leads(hashes(path)))) judged.trees.right.push([index, size]);
    if (await leads(hashes(path), (index + 1) % 17)) judged.trees.wrong.push([index, size]);
    if (path.length && ((await leads(hashes(path.slice(1)))) || (await leads(hashes([flipped(path[0]), ...path.slice(1)]))))) judged.trees.wrong.push([index, size]);
  }
  for (const [old, size, path] of growths) {
    const leads = (steps) => leadsTo(proof.rootsFromConsistency(BigInt(old), proof.fromBase64(roots[old]), BigInt(size), steps), [roots[old], roots[size]]);
    if (!(await leads(hashes(path)))) judged.trees.right.push([old, size]);
    if ((await leads(hashes(path.slice(1)))) || (await leads(hashes([...path.slice(0, -1), flipped(path.at(-1))])))) judged.trees.wrong.push([old, size]);
  }

  // Everything the service has, as it is.
  const keys = [await proof.readKey(given.key)];
  const note = new Uint8Array(await (await askFile("/v1/log/checkpoint")).file.arrayBuffer());
  const checkpoint = (await proof.checkSignature(note, keys)).checkpoint;
  const size = Number(checkpoint.size);
  const pinned = (await proof.checkSignature(bytes(given.older), keys)).checkpoint;
  const growth = (await askDesk(`/v1/log/proof/consistency?from=${pinned.size}&to=${size}`)).body;
  const shownOf = new Map();
  for (let after = 0; after < size;) {
    const page = (await askDesk(`/v1/log?after=${after}&limit=1000`)).body;
    for (const entry of page.entries) shownOf.set(entry.seq, entry);
    after = page.next_after;
  }
  const openings = (await askDesk(`/v1/days/${given.day}/openings?size=${size}`)).body;
  const all = openings.openings.map((opening) => ({ ...opening, size }));
  for (const entry of shownOf.values()) {
    if (entry.stream === "site" && entry.seq <= size) all.push((await askDesk(`/v1/log/opening?seq=${entry.seq}&size=${size}`)).body);
  }
  judged.kinds = [...new Set(all.map(({ seq }) => shownOf.get(seq).kind))];
  judged.not_good = [];
  for (const opening of all) {
    const { checks } = await proof.verifyEntry({ shown: shownOf.get(opening.seq), opening, note, keys, pinned, growth });
    if (proof.verdict(checks) !== "good") judged.not_good.push([opening.seq, checks]);
  }

  // The day is whole from its first entry on, and a hole, a stranger or another order in it is seen.
  const dayOpenings = openings.openings.map((each) => ({ ...each, size }));
  const numbers = dayOpenings.map(({ seq }) => seq);
  const stranger = all.find(({ seq }) => !numbers.includes(seq));
  const chains = {
    whole: [dayOpenings, numbers],
    "without the first": [dayOpenings.slice(1), numbers.slice(1)],
    "with a hole": [dayOpenings.toSpliced(2, 1), numbers.toSpliced(2, 1)],
    "in another order": [dayOpenings.toSpliced(2, 2, dayOpenings[3], dayOpenings[2]), numbers],
    "with another stream's": [[...dayOpenings, stranger], [...numbers, stranger.seq]],
    "one not shown": [dayOpenings, numbers.slice(1)],
    "one shown too many": [dayOpenings, [...numbers, stranger.seq]],
  };
  judged.chains = {};
  for (const [name, [given, shown]] of Object.entries(chains)) {
    const { ok, why } = await proof.checkChain(given, shown);
    judged.chains[name] = ok ? "whole" : why;
  }

  // One entry, changed in every way that has a name.
  const opening = all.find(({ seq }) => shownOf.get(seq).type === "vitals.recorded");
  const other = all.find(({ seq }) => seq !== opening.seq);
  const shown = shownOf.get(opening.seq);
  const good = { shown, opening, note, keys, pinned, growth };
  const leaf = decoded(opening.leaf);
  const body = decoded(opening.body);
  const otherBody = { ...body, data: { ...body.data, heart_rate_per_min: body.data.heart_rate_per_min + 1 } };
  const noteText = new TextDecoder().decode(note);
  const [origin, sizeLine, rootLine, , signed] = noteText.split("\n");
  const renote = (lines) => bytes(`${lines.join("\n")}\n`);
  const resigned = `${signed.slice(0, signed.lastIndexOf(" ") + 1)}${flipped(signed.slice(signed.lastIndexOf(" ") + 1), 20)}`;
  const changes = {
    leaf: { opening: { ...opening, leaf: encoded({ ...leaf, n: leaf.n + 1 }) } },
    "leaf not in its one form": { opening: { ...opening, leaf: base64(` ${proof.canonical(leaf)}`) } },
    body: { opening: { ...opening, body: encoded(otherBody) } },
    "body and what is shown": { opening: { ...opening, body: encoded(otherBody) }, shown: { ...shown, data: otherBody.data } },
    salt: { opening: { ...opening, salt: flipped(opening.salt) } },
    "salt too short": { opening: { ...opening, salt: proof.toBase64(proof.fromBase64(opening.salt).slice(1)) } },
    proof: { opening: { ...opening, proof: [flipped(opening.proof[0]), ...opening.proof.slice(1)] } },
    "proof too long": { opening: { ...opening, proof: [...opening.proof, opening.proof[0]] } },
    "another entry's": { opening: { ...other, seq: opening.seq } },
    "size of the checkpoint": { note: renote([origin, String(Number(sizeLine) + 1), rootLine, "", signed]) },
    "root of the checkpoint": { note: renote([origin, sizeLine, flipped(rootLine), "", signed]) },
    signature: { note: renote([origin, sizeLine, rootLine, "", resigned]) },
    "another log's key": { keys: [goldenKey] },
    "a stranger's signature": { note: bytes(given.strangers) },
    "withheld and another value": { shown: { ...shown, data: otherBody.data, withheld: true } },
    "withheld and another person": { shown: { ...shown, data: {}, withheld: true, actor: { ...shown.actor, id: "x" } } },
    "value shown": { shown: { ...shown, data: otherBody.data } },
    "member hidden": { shown: Object.fromEntries(Object.entries(shown).filter(([name]) => name !== "actor")) },
    "member added": { shown: { ...shown, late_reason: "none" } },
    "rolled back": { note: bytes(given.older), pinned: checkpoint },
    forked: { note: bytes(given.forked), pinned: (await proof.checkSignature(bytes(given.seen), keys)).checkpoint },
    "another past": { pinned: { ...pinned, root: checkpoint.root } },
    growth: { growth: { ...growth, proof: [flipped(growth.proof[0]), ...growth.proof.slice(1)] } },
    "growth of another length": { growth: { ...growth, proof: growth.proof.slice(1) } },
    "growth from elsewhere": { growth: { ...growth, from: growth.from - 1 } },
  };
  judged.changed = {};
  for (const [name, change] of Object.entries(changes)) {
    const { checks, checkpoint: kept } = await proof.verifyEntry({ ...good, ...change });
    judged.changed[name] = Object.fromEntries(checks.filter(({ ok }) => ok === false).map(({ step, why }) => [step, why]));
    const ofTheLog = checks.filter(({ step, ok }) => ok === false && (step === "signature" || step === "consistency"));
    if (ofTheLog.length > 0 && kept !== null) judged.changed[name].kept = "a checkpoint that did not verify";
    if (proof.verdict(checks) !== "bad") judged.changed[name].verdict = proof.verdict(checks);
  }

  // What could not be checked is not called checked.
  const onlyLeaf = { ...leaf, seq: shown.seq, leaf_hash: shown.leaf_hash };
  const notMade = {
    "no key": { keys: [] },
    erased: { opening: { ...opening, state: "erased", body: null, salt: null }, shown: onlyLeaf },
    withheld: { opening: { ...opening, state: "withheld", body: null, salt: null }, shown: { ...shown, data: {}, withheld: true } },
    "withheld when loaded": { shown: { ...shown, data: {}, withheld: true } },
    "not signed yet": { note: bytes(given.older), pinned: null },
  };
  judged.not_made = {};
  judged.verdicts = {};
  for (const [name, change] of Object.entries(notMade)) {
    const { checks } = await proof.verifyEntry({ ...good, ...change });
    judged.not_made[name] = checks.filter(({ ok, why }) => ok === null && why !== "nothingPinned").map(({ step }) => step);
    if (checks.some(({ ok }) => ok === false)) judged.not_made[name].push(checks);
  }
  // Signed by two keys, one of them held here; of the size the log had before this page read it.
  const bothSize = (await proof.checkSignature(bytes(given.both), keys)).checkpoint.size;
  const both = {
    note: bytes(given.both),
    opening: (await askDesk(`/v1/log/opening?seq=${opening.seq}&size=${bothSize}`)).body,
    growth: (await askDesk(`/v1/log/proof/consistency?from=${pinned.size}&to=${bothSize}`)).body,
  };
  for (const [name, change] of Object.entries({ "both keys": both, "no key": notMade["no key"], erased: notMade.erased, "no growth": { growth: null } })) {
    judged.verdicts[name] = proof.verdict((await proof.verifyEntry({ ...good, ...change })).checks);
  }

  // One byte of an answer, anywhere, as it came over the wire.
  let chance = 8;
  const below = (most) => {
    chance = (Math.imul(chance, 1664525) + 1013904223) >>> 0;
    return Math.floor((chance / 2 ** 32) * most);
  };
  const wire = { opening: bytes(JSON.stringify(opening)), shown: bytes(JSON.stringify(shown)), note, growth: bytes(JSON.stringify(growth)) };
  const names = Object.keys(wire);
  judged.one_byte = { tried: 0, survived: [] };
  while (judged.one_byte.tried < given.changes) {
    const name = names[judged.one_byte.tried % names.length];
    const raw = wire[name].slice();
    const place = below(raw.length);
    raw[place] ^= 1 + below(255);
    judged.one_byte.tried += 1;
    try {
      const changed = name === "note" ? raw : JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(raw));
      const { checks } = await proof.verifyEntry({ ...good, [name]: changed });
      if (proof.verdict(checks) !== "bad") judged.one_byte.survived.push([name, place, new TextDecoder().decode(raw)]);
    } catch (fault) {
      if (!(fault instanceof SyntaxError || fault instanceof TypeError) || modules.some((name) => fault.stack.includes(`${name}.js`))) throw fault;
    }
  }
  return judged;
}
