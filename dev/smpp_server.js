// The server that dev/smpp starts:
// node smpp_server.js MODULES PORT TLS_PORT CERTIFICATE KEY SYSTEM_ID PASSWORD_FILE SUBMITS
"use strict";

const fs = require("fs");
const path = require("path");
const [modules, port, tlsPort, certificate, key, systemId, passwordFile, submits] = process.argv.slice(2);
const smpp = require(path.join(modules, "smpp"));
const iconv = require(path.join(modules, "iconv-lite"));

const HOST = "127.0.0.1";
const KSC5601 = 0x0e;
const password = fs.readFileSync(passwordFile, "utf8");
const throttled = new Set();
let taken = 0;

const note = (line) => fs.appendFileSync(submits, JSON.stringify(line) + "\n");

// The text as this library reads it; what it has no table for, as iconv-lite does.
function read(pdu) {
  const value = pdu.message_payload || pdu.short_message;
  const bytes = value.message;
  const text = Buffer.isBuffer(bytes) && pdu.data_coding === KSC5601 ? iconv.decode(bytes, "cp949") : bytes;
  const header = value.udh ? [].concat(value.udh).map((part) => part.toString("hex")) : [];
  return { text: text.toString(), header };
}

function deliver(session, pdu, id) {
  const undelivered = pdu.destination_addr.endsWith("7");
  const success = (pdu.registered_delivery & 3) !== 2;
  if (!(pdu.registered_delivery & 3) || (!undelivered && !success)) return;
  const [state, error] = undelivered ? ["UNDELIV", "001"] : ["DELIVRD", "000"];
  session.deliver_sm({
    source_addr: pdu.destination_addr,
    destination_addr: pdu.source_addr,
    esm_class: 4,
    short_message: `id:${id} sub:001 dlvrd:001 submit date:2603111800 done date:2603111801 stat:${state} err:${error} text:`,
  });
}

function serve(tls) {
  return (session) => {
    let bound = null;
    session.on("error", () => session.close());
    for (const kind of ["transceiver", "transmitter", "receiver"]) {
      session.on(`bind_${kind}`, (pdu) => {
        if (pdu.system_id !== systemId || pdu.password !== password) {
          session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
          return;
        }
        bound = kind;
        note({ bind: kind, tls, version: pdu.interface_version });
        session.send(pdu.response());
      });
    }
    session.on("enquire_link", (pdu) => session.send(pdu.response()));
    session.on("unbind", (pdu) => {
      note({ unbind: bound });
      session.send(pdu.response());
      session.close();
    });
    session.on("submit_sm", (pdu) => {
      const to = pdu.destination_addr;
      if (bound === null || bound === "receiver") {
        session.send(pdu.response({ command_status: smpp.ESME_RINVBNDSTS }));
      } else if (to.endsWith("0")) {
        session.send(pdu.response({ command_status: smpp.ESME_RINVDSTADR }));
      } else if (to.endsWith("58") && !throttled.has(to)) {
        throttled.add(to);
        session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
      } else {
        taken += 1;
        const id = `N${taken}`;
        const { registered_delivery: registered, data_coding: coding, validity_period: validity } = pdu;
        const from = pdu.source_addr;
        note({ id, to, from, registered, coding, validity: String(validity), esm_class: pdu.esm_class, ...read(pdu) });
        // Receipts overtake the answers of every other submit.
        if (taken % 2 === 0) deliver(session, pdu, id);
        session.send(pdu.response({ message_id: id }));
        if (taken % 2 === 1) deliver(session, pdu, id);
      }
    });
  };
}

smpp.createServer(serve(false)).listen(Number(port), HOST);
const secret = { key: fs.readFileSync(key), cert: fs.readFileSync(certificate) };
smpp.createServer(secret, serve(true)).listen(Number(tlsPort), HOST);
