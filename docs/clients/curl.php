<?php
// curl.php URL [CURL_HTTP_VERSION_*]
[, $url, $version] = $argv + [2 => CURL_HTTP_VERSION_NONE];
$curl = curl_init($url);
curl_setopt_array($curl, [CURLOPT_HEADER => true, CURLOPT_RETURNTRANSFER => true, CURLOPT_HTTP_VERSION => (int) $version]);
$response = curl_exec($curl) ?: exit(curl_error($curl));
$reason = preg_match('/^EB-REASON-PHRASE: (.*)\r$/im', $response, $match) ? $match[1] : '';
preg_match('/^HTTP\/[\d.]+ (\d+) ?(.*)\r$/m', $response, $match);
echo "status: $match[1]\nreason: $reason\nphrase: $match[2]\n";
