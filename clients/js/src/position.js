// Positions, '<epoch>-<seq>'. Both parts stay below 2^53, so numbers hold them exactly.

/** @param {string} position */
export const parts = (position) => position.split('-').map(Number);

/** Negative, 0 or positive, as for sort(). @param {string} a @param {string} b */
export const compare = (a, b) => {
  const [epochA, seqA] = parts(a);
  const [epochB, seqB] = parts(b);
  return epochA - epochB || seqA - seqB;
};

/** Nothing that a subscription may see lies between this and its event. @param {{id: string, prev?: string}} event */
export const before = ({ id, prev }) => {
  const [epoch, seq] = parts(id);
  return prev ?? `${epoch}-${seq - 1}`;
};
