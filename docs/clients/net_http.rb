# net_http.rb URL
require 'net/http'

response = Net::HTTP.get_response(URI(ARGV[0]))
reason = response['EB-REASON-PHRASE']
puts "status: #{response.code}"
puts "reason: #{reason}"
puts "phrase: #{response.message}"
