// Preprocessor of the channel: refuses what was not signed by the service. Rhino, so no template strings.
// The secret (whsec_...) stands in the configuration map as infusionSecret.
var headers = sourceMap.get('headers');
var id = String(headers.getHeader('webhook-id'));
var timestamp = String(headers.getHeader('webhook-timestamp'));
var signature = String(headers.getHeader('webhook-signature'));
if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) throw 'webhook-timestamp is too far from now';
var secret = Packages.java.util.Base64.getDecoder().decode(String(configurationMap.get('infusionSecret')).replace('whsec_', ''));
var mac = Packages.javax.crypto.Mac.getInstance('HmacSHA256');
mac.init(new Packages.javax.crypto.spec.SecretKeySpec(secret, 'HmacSHA256'));
var signed = new Packages.java.lang.String(id + '.' + timestamp + '.' + message).getBytes('UTF-8');
var expected = 'v1,' + String(Packages.java.util.Base64.getEncoder().encodeToString(mac.doFinal(signed)));
if (signature.split(' ').indexOf(expected) < 0) throw 'webhook-signature is not of our secret';
if (globalChannelMap.get(id)) return destinationSet.removeAll(), message;
globalChannelMap.put(id, true);
return message;
