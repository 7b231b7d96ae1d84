// An agent on @grpc/grpc-js, without any code of ours: opens a stream, publishes, waits for the ack; then one unary call.
//   NODE_PATH=<node_modules> node grpc_js_agent.js ADDRESS PROTO_FOLDER
// Prints one JSON object: {opened, acked, positions, code}.
'use strict';

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [address, protos] = process.argv.slice(2);
const definition = loader.loadSync('spanwire/v1/publisher.proto', {
  includeDirs: [protos], keepCase: true, longs: String, enums: String, oneofs: true,
});
const { PublisherService } = grpc.loadPackageDefinition(definition).spanwire.v1;
const client = new PublisherService(address, grpc.credentials.createInsecure());

const EVENTS = 100;
const event = (n) => ({ session_id: 'node', log_line: { text: `node ${n}` } });
const told = {};

const stream = client.PublishStream();
stream.on('data', (response) => {
  if (response.frame === 'opened') {
    told.opened = response.opened.producer_id;
    const events = Array.from({ length: EVENTS }, (_, i) => event(i + 1));
    stream.write({ batch: { first_sequence: 1, events } });
  } else if (response.frame === 'ack') {
    told.acked = Number(response.ack.sequence);
    if (told.acked === EVENTS) stream.end();
  } else if (response.frame === 'nack') {
    fail(new Error(response.nack.message));
  }
});
stream.on('error', fail);
stream.on('status', (status) => {
  told.code = status.code;
  if (status.code === grpc.status.OK) publishOnce();
});
stream.write({ open: { producer_id: 'node-agent', agent: 'node' } });

function publishOnce() {
  client.Publish({ events: [event(EVENTS + 1)] }, (error, response) => {
    if (error) return fail(error);
    told.positions = response.positions;
    process.stdout.write(JSON.stringify(told));
    client.close();
  });
}

function fail(error) {
  process.stderr.write(`${error}\n`);
  process.exit(1);
}
