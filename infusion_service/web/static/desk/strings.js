// @ts-check
// Every word of the auditor's and the operator's pages that the ward page does not have already.

/** The frame of both pages. */
export const F = {
  audit: "Infusion audit", operations: "Infusion operations", ward: "Ward page", otherPage: { audit: "Operations", operations: "Audit" },
  signIn: "Sign in", token: "Token", tokenHow: {
    audit: "Paste the auditor token that an administrator minted (infusion token mint --role auditor), or open the link that the demonstration printed.",
    operations: "Paste an administrator or integration token (infusion token mint --role admin), or open the link that the demonstration printed.",
  },
  unknownToken: "The service does not know this token. It may have expired or been revoked.",
  signOut: "Sign out", as: (/** @type {string} */ id, /** @type {string} */ role, /** @type {string} */ site) => `${id}, ${role}, ${site}`,
  notFor: (/** @type {string} */ role) => `This page is not for the role ${role}.`,
  screens: "Screens", loading: "Loading…", away: "The service cannot be reached. What is shown may be old.",
  ended: "You are signed out: the token has expired or was revoked. Sign in again.",
  refused: (/** @type {string} */ why) => `Refused: ${why}`,
};
