// @ts-check
// Words of the operator's screens.
export const O = {
  endpoints: "Endpoints", noEndpoints: "Nothing is delivered anywhere: infusion endpoint add makes an endpoint.", endpoint: "Endpoint", state: "State",
};
