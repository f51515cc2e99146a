# http_client.py URL
import http.client
import sys
from urllib.parse import urlsplit

url = urlsplit(sys.argv[1])
connect = http.client.HTTPSConnection if url.scheme == 'https' else http.client.HTTPConnection
connection = connect(url.netloc)
connection.request('GET', url.path or '/')
response = connection.getresponse()
reason = response.getheader('EB-REASON-PHRASE')
print(f'status: {response.status}')
print(f'reason: {reason}')
print(f'phrase: {response.reason}')
connection.close()
