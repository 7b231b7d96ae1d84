// node asyncapi.mjs FILE: validates an AsyncAPI document, then the values that come as lines on stdin, [direction, value],
// against its messages; direction as the bridge sees it, "send" or "receive". Each answer is a line: what is wrong, or the
// message that the value is.
import {createRequire} from 'node:module';
import {readFileSync} from 'node:fs';
import {createInterface} from 'node:readline';

const require = createRequire(`${process.env.NODE_MODULES}/`);
const {Parser} = require('@asyncapi/parser');
const Ajv = require('ajv').default;
const addFormats = require('ajv-formats').default;

const {document, diagnostics} = await new Parser().parse(readFileSync(process.argv[2], 'utf8'));
// Hints (severity 2 and more) recommend what is a matter of taste, such as the newest version.
const problems = diagnostics.filter(({severity}) => severity < 2);
for (const {message, path} of problems) console.error(`${path.join('.')}: ${message}`);
if (!document || problems.length > 0) process.exit(1);

const ajv = addFormats(new Ajv({strict: false, allErrors: true}));
const messages = {send: new Map(), receive: new Map()};
for (const operation of document.operations()) {
  for (const message of operation.messages()) {
    messages[operation.action()].set(message.id(), ajv.compile(message.payload().json()));
  }
  for (const message of operation.reply()?.messages() ?? []) {
    messages.send.set(message.id(), ajv.compile(message.payload().json()));
  }
}
console.log(JSON.stringify({send: [...messages.send.keys()], receive: [...messages.receive.keys()]}));

for await (const line of createInterface({input: process.stdin})) {
  const [direction, value] = JSON.parse(line);
  const errors = [];
  const fits = [...messages[direction]].filter(([id, validate]) => {
    if (validate(value)) return true;
    errors.push(`${id}: ${ajv.errorsText(validate.errors)}`);
    return false;
  });
  console.log(fits.length > 0 ? fits[0][0] : `! ${errors.join(' | ')}`);
}
