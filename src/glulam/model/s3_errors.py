"""The errors of S3's API: each with S3's code, its HTTP status and the sentence that S3 says.

    S3Error
    ├── about names        NoSuchBucket, NoSuchKey, NoSuchUpload, BucketNotEmpty, InvalidBucketName, ...
    ├── about conditions   PreconditionFailed, NotModified, ConditionalRequestConflict
    ├── about bodies       BadDigest, InvalidDigest, IncompleteBody, EntityTooLarge, MalformedXML, ...
    ├── about parts        InvalidPart, InvalidPartOrder, EntityTooSmall
    ├── about signatures   SignatureDoesNotMatch, InvalidAccessKeyId, RequestTimeTooSkewed, AccessDenied, ...
    └── about the request  InvalidArgument, InvalidRequest, MethodNotAllowed, NotImplemented, ...

`NoSuchKey(Key="a/b")` says S3's sentence; a sentence of one's own comes first: `InvalidArgument("...", ArgumentName="x")`.
What is named is answered as an element of the error's XML beside Code and Message.
"""

from __future__ import annotations

from collections.abc import Mapping

from glulam.model.errors import GlulamError


class S3Error(GlulamError):
    """Base of them all."""

    code = "InternalError"
    http_status = 400
    text = "We encountered an internal error. Please try again."

    def __init__(
        self, text: str | None = None, *, headers: Mapping[str, str] | None = None, **details: object
    ) -> None:
        """`headers`: response headers that go with the error (an ETag with NotModified)."""
        super().__init__(text or self.text)
        self.details = {name: str(value) for name, value in details.items()}
        self.headers = dict(headers or {})


class NoSuchBucket(S3Error):
    code, http_status = "NoSuchBucket", 404
    text = "The specified bucket does not exist"


class NoSuchKey(S3Error):
    code, http_status = "NoSuchKey", 404
    text = "The specified key does not exist."


class NoSuchUpload(S3Error):
    code, http_status = "NoSuchUpload", 404
    text = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed."
    )


class NoSuchVersion(S3Error):
    code, http_status = "NoSuchVersion", 404
    text = "The specified version does not exist."


class NoSuchTagSet(S3Error):
    code, http_status = "NoSuchTagSet", 404
    text = "The TagSet does not exist"


class NoSuchBucketPolicy(S3Error):
    code, http_status = "NoSuchBucketPolicy", 404
    text = "The bucket policy does not exist"


class NoSuchLifecycleConfiguration(S3Error):
    code, http_status = "NoSuchLifecycleConfiguration", 404
    text = "The lifecycle configuration does not exist"


class BucketAlreadyOwnedByYou(S3Error):
    code, http_status = "BucketAlreadyOwnedByYou", 409
    text = "Your previous request to create the named bucket succeeded and you already own it."


class BucketNotEmpty(S3Error):
    code, http_status = "BucketNotEmpty", 409
    text = "The bucket you tried to delete is not empty"


class InvalidBucketName(S3Error):
    code, http_status = "InvalidBucketName", 400
    text = "The specified bucket is not valid."


class KeyTooLong(S3Error):
    code, http_status = "KeyTooLongError", 400
    text = "Your key is too long"


class InvalidURI(S3Error):
    code, http_status = "InvalidURI", 400
    text = "Couldn't parse the specified URI."


class PreconditionFailed(S3Error):
    code, http_status = "PreconditionFailed", 412
    text = "At least one of the pre-conditions you specified did not hold"


class NotModified(S3Error):
    """Answered without a body."""

    code, http_status = "NotModified", 304
    text = "Not Modified"


class ConditionalRequestConflict(S3Error):
    code, http_status = "ConditionalRequestConflict", 409
    text = "The conditional request cannot succeed due to a conflicting operation against this resource. Please try again."


class OperationAborted(S3Error):
    code, http_status = "OperationAborted", 409
    text = "A conflicting conditional operation is currently in progress against this resource. Please try again."


class InvalidStorageClass(S3Error):
    code, http_status = "InvalidStorageClass", 400
    text = "The storage class you specified is not valid"


class InvalidRange(S3Error):
    code, http_status = "InvalidRange", 416
    text = "The requested range is not satisfiable"


class InvalidPartNumber(S3Error):
    code, http_status = "InvalidPartNumber", 416
    text = "The requested partnumber is not satisfiable"


class InvalidPart(S3Error):
    code, http_status = "InvalidPart", 400
    text = (
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified "
        "entity tag may not match the part's entity tag."
    )


class InvalidPartOrder(S3Error):
    code, http_status = "InvalidPartOrder", 400
    text = "The list of parts was not in ascending order. The parts list must be specified in order by part number."


class EntityTooSmall(S3Error):
    code, http_status = "EntityTooSmall", 400
    text = "Your proposed upload is smaller than the minimum allowed size"


class EntityTooLarge(S3Error):
    code, http_status = "EntityTooLarge", 400
    text = "Your proposed upload exceeds the maximum allowed size"


class MetadataTooLarge(S3Error):
    code, http_status = "MetadataTooLarge", 400
    text = "Your metadata headers exceed the maximum allowed metadata size"


class BadDigest(S3Error):
    code, http_status = "BadDigest", 400
    text = "The Content-MD5 or checksum value that you specified did not match what the server received."


class InvalidDigest(S3Error):
    code, http_status = "InvalidDigest", 400
    text = "The Content-MD5 or checksum value that you specified is not valid."


class ContentSha256Mismatch(S3Error):
    code, http_status = "XAmzContentSHA256Mismatch", 400
    text = "The provided 'x-amz-content-sha256' header does not match what was computed."


class IncompleteBody(S3Error):
    code, http_status = "IncompleteBody", 400
    text = "You did not provide the number of bytes specified by the Content-Length HTTP header."


class MissingContentLength(S3Error):
    code, http_status = "MissingContentLength", 411
    text = "You must provide the Content-Length HTTP header."


class MalformedXML(S3Error):
    code, http_status = "MalformedXML", 400
    text = "The XML you provided was not well-formed or did not validate against our published schema"


class MalformedPolicy(S3Error):
    code, http_status = "MalformedPolicy", 400
    text = "Policy has invalid resource"


class MalformedTrailer(S3Error):
    code, http_status = "MalformedTrailerError", 400
    text = "The request contained trailing data that was not well-formed or did not conform to our published schema."


class RequestTooLong(S3Error):
    code, http_status = "MaxMessageLengthExceeded", 400
    text = "Your request was too big."


class RequestTimeout(S3Error):
    code, http_status = "RequestTimeout", 400
    text = (
        "Your socket connection to the server was not read from or written to within the timeout period. Idle "
        "connections will be closed."
    )


class InvalidArgument(S3Error):
    code, http_status = "InvalidArgument", 400
    text = "Invalid Argument"


class InvalidRequest(S3Error):
    code, http_status = "InvalidRequest", 400
    text = "Invalid Request"


class InvalidTag(S3Error):
    code, http_status = "InvalidTag", 400
    text = "The tag provided was not a valid tag."


class MethodNotAllowed(S3Error):
    code, http_status = "MethodNotAllowed", 405
    text = "The specified method is not allowed against this resource."


class NotImplemented(S3Error):
    code, http_status = "NotImplemented", 501
    text = "A header you provided implies functionality that is not implemented"


class InternalError(S3Error):
    code, http_status = "InternalError", 500


class AccessDenied(S3Error):
    code, http_status = "AccessDenied", 403
    text = "Access Denied"


class SignatureDoesNotMatch(S3Error):
    code, http_status = "SignatureDoesNotMatch", 403
    text = (
        "The request signature we calculated does not match the signature you provided. Check your key and signing "
        "method."
    )


class InvalidAccessKeyId(S3Error):
    code, http_status = "InvalidAccessKeyId", 403
    text = "The AWS Access Key Id you provided does not exist in our records."


class InvalidToken(S3Error):
    code, http_status = "InvalidToken", 400
    text = "The provided token is malformed or otherwise invalid."


class ExpiredToken(S3Error):
    code, http_status = "ExpiredToken", 400
    text = "The provided token has expired."


class RequestTimeTooSkewed(S3Error):
    code, http_status = "RequestTimeTooSkewed", 403
    text = "The difference between the request time and the current time is too large."


class AuthorizationHeaderMalformed(S3Error):
    code, http_status = "AuthorizationHeaderMalformed", 400
    text = "The authorization header is malformed"


class AuthorizationQueryParametersError(S3Error):
    code, http_status = "AuthorizationQueryParametersError", 400
    text = "Error parsing the X-Amz-Credential parameter"
