# urllib_request.py URL
import sys
from urllib.error import HTTPError
from urllib.request import urlopen

try:
    urlopen(sys.argv[1])
except HTTPError as error:
    reason = error.headers['EB-REASON-PHRASE']
    print(f'status: {error.code}')
    print(f'reason: {reason}')
    print(f'phrase: {error.reason}')
