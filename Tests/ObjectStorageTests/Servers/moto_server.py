"""moto with signatures on: prints where it listens and a key, and ends when its input does."""
import json
import os
import sys

# The first calls go through unsigned: they make the user, its key, what it may do, and the bucket.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "4"

import logging

logging.getLogger("werkzeug").setLevel(logging.ERROR)

import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
endpoint = f"http://127.0.0.1:{port}"
settings = dict(
    endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="first", aws_secret_access_key="first"
)
iam = boto3.client("iam", **settings)
iam.create_user(UserName="tester")
key = iam.create_access_key(UserName="tester")["AccessKey"]
policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
iam.put_user_policy(UserName="tester", PolicyName="all", PolicyDocument=json.dumps(policy))
boto3.client("s3", **settings).create_bucket(Bucket="vault-bucket")
greeting = {
    "endpoint": endpoint, "bucket": "vault-bucket", "key": key["AccessKeyId"], "secret": key["SecretAccessKey"],
}
print(json.dumps(greeting), flush=True)
sys.stdin.read()
server.stop()
