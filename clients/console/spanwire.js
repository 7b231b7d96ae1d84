// The client library, @spanwire/client, for pages that load it from the bridge. Its files are in /spanwire/.

export { connect } from './spanwire/index.js';
