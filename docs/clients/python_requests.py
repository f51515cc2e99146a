# python_requests.py URL
import sys

import requests

response = requests.get(sys.argv[1])
reason = response.headers['EB-REASON-PHRASE']
print(f'status: {response.status_code}')
print(f'reason: {reason}')
print(f'phrase: {response.reason}')
