"""Talks to the strict server with boto3, which shares nothing with our client: what it accepts and refuses
must be what botocore expects of S3. usage: check_strict_server.py ENDPOINT BUCKET KEY SECRET"""
import hashlib
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, bucket, key, secret = sys.argv[1:]


def client(secret=secret, **more):
    config = Config(
        retries={"max_attempts": 1}, request_checksum_calculation="when_required",
        response_checksum_validation="when_required", s3={"addressing_style": "path"}, **more,
    )
    return boto3.client(
        "s3", endpoint_url=endpoint, region_name="auto", aws_access_key_id=key, aws_secret_access_key=secret,
        config=config,
    )


def refused(code, call, **arguments):
    try:
        call(Bucket=bucket, **arguments)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, f"{code} expected, {found} found"
        return
    raise AssertionError(f"{code} expected, nothing refused")


s3 = client()
content = bytes(range(256)) * 40
for name in ["a", "x/y.z~_-", "+ = : * @ , ( ) !", "中文/é", "a//b", "a/./b", "100%25"]:
    put = s3.put_object(Bucket=bucket, Key=name, Body=content, Metadata={"a": "1", "a-b": "2"})
    assert put["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'
    assert s3.get_object(Bucket=bucket, Key=name)["Body"].read() == content, name
    assert s3.head_object(Bucket=bucket, Key=name)["ContentLength"] == len(content)
part = s3.get_object(Bucket=bucket, Key="a", Range="bytes=10-19")
assert part["Body"].read() == content[10:20] and part["ContentRange"] == f"bytes 10-19/{len(content)}"
refused("InvalidRange", s3.get_object, Key="a", Range=f"bytes={len(content)}-")
refused("NoSuchKey", s3.get_object, Key="none")
refused("304", s3.get_object, Key="a", IfNoneMatch=put["ETag"])

refused("PreconditionFailed", s3.put_object, Key="a", Body=b"x", IfNoneMatch="*")
refused("PreconditionFailed", s3.put_object, Key="a", Body=b"x", IfMatch='"0"')
s3.put_object(Bucket=bucket, Key="a", Body=b"changed", IfMatch=put["ETag"])
s3.put_object(Bucket=bucket, Key="new", Body=b"x", IfNoneMatch="*")
refused("BadDigest", s3.put_object, Key="b", Body=b"x", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
refused("SignatureDoesNotMatch", client(secret="wrong").put_object, Key="b", Body=b"x")
refused("ObjectLockedByBucketPolicy", s3.put_object, Key="locked/x", Body=b"y")
refused("ObjectLockedByBucketPolicy", s3.delete_object, Key="locked/x")

names = [f"list/{number:04}" for number in range(1005)]
for name in names:
    s3.put_object(Bucket=bucket, Key=name, Body=b"")
pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="list/"))
assert [len(page["Contents"]) for page in pages] == [1000, 5]
assert [item["Key"] for page in pages for item in page["Contents"]] == names
after = s3.list_objects_v2(Bucket=bucket, Prefix="list/", StartAfter="list/1000", MaxKeys=2)
assert [item["Key"] for item in after["Contents"]] == names[1001:1003] and after["IsTruncated"]

size = 5 << 20


def multipart(sizes):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="multipart")["UploadId"]
    parts = []
    for number, count in enumerate(sizes, 1):
        answer = s3.upload_part(
            Bucket=bucket, Key="multipart", UploadId=upload, PartNumber=number, Body=b"p" * count)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    return dict(Key="multipart", UploadId=upload, MultipartUpload={"Parts": parts})


done = s3.complete_multipart_upload(Bucket=bucket, **multipart([size, size, 7]))
digests = b"".join(hashlib.md5(b"p" * count).digest() for count in (size, size, 7))
assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
refused("InvalidPart", s3.complete_multipart_upload, **multipart([size, size + 1, 7]))
refused("InvalidPart", s3.complete_multipart_upload, **multipart([size, size, size + 1]))
refused("EntityTooSmall", s3.complete_multipart_upload, **multipart([size - 1, size - 1, 7]))
s3.delete_object(Bucket=bucket, Key="multipart")
refused("404", s3.head_object, Key="multipart")
print("ok")
