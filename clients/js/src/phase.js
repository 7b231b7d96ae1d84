// How far the server is with a channel.

export const NONE = 0; // it does not know of it
export const ASKED = 1; // it was asked, and may be replaying
export const LIVE = 2;
