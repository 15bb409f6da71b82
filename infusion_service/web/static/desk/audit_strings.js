// @ts-check
// Words of the auditor's screens.
export const A = {
  days: "Days", noDays: "No day is on record.", ward: "Ward", date: "Date", state: "State", patient: "Patient", chair: "Chair",
};
