"""The whole error tree. A room raises; a door (CLI, wire) renders.

    GlulamError
    ├── InvalidInput                 the caller's words are off (a field, an argument, a file's line)
    │   ├── InvalidConfig            pipeline.yaml or settings: names file, line and field
    │   └── UnsupportedSql           a transform that an engine cannot run: names the expression
    ├── SerializationFailed          a request whose JSON has other types than the service's model
    ├── ValidationFailed             a request that breaks a constraint of the service's model
    ├── UnknownOperation             no operation of that name
    ├── OperationNotSupported        an operation of the service that is not implemented here
    ├── RequestTooLarge              a request body above the server's limit
    ├── LimitExceeded                one more of these than there may be
    │   └── RuleLimitExceeded        of event rules, or of a rule's targets
    ├── ConcurrentRunsExceeded       a job runs as often as it may already
    ├── IdempotentMismatch           the same name with another content
    ├── RunEnded                     a run that is over cannot be stopped
    ├── IllegalWorkflowState         a workflow run that does not allow this now
    ├── IllegalBlueprintState        a blueprint that cannot be run as it is
    ├── IllegalSessionState          a session that does not allow this now
    ├── LogNotFound                  no such log group or stream
    ├── RuleNotFound                 no such event rule, event bus or target's workflow
    ├── InvalidEventPattern          an event pattern that is none
    ├── InvalidLogParameter          a parameter of a log request is off
    ├── Conflict                     the thing is in a state that does not allow this
    │   ├── CrawlerRunning           it has a crawl open
    │   ├── CrawlerNotRunning        there is nothing to stop
    │   ├── CrawlerStopping          it is being stopped already
    │   ├── NoSchedule               there is none to start
    │   ├── SchedulerRunning         its schedule is on already
    │   └── SchedulerNotRunning      its schedule is off already
    ├── EncryptionFailed             what is encrypted at rest cannot be read with the keys we have
    ├── ConnectionFailed             another service did not let us in, or did not answer
    │   └── NotDelivered             a channel of alerts did not take what it was to be told
    ├── ServerRefused                the server that a project is for answered with an error
    ├── AccessRefused                a request that is not let in
    │   ├── MissingAuthentication    it is not signed
    │   ├── IncompleteSignature      its Authorization header cannot be read
    │   ├── InvalidSignature         its signature is not the one its key makes for it, here and now
    │   ├── UnrecognizedClient       its access key or session token is not known here
    │   ├── ExpiredToken             its access key was valid once
    │   └── AccessDenied             the key is good, what it asks for is not allowed
    ├── ConditionCheckFailed         a policy is not in the state that the request asks for
    ├── EntityNotFound               a named thing is not there
    ├── AlreadyExists
    ├── ConcurrentModification       compare-and-swap lost; read again
    ├── ObjectNotFound               no object at that URI
    ├── ObjectChanged                the object is there with another etag
    ├── StorageFailed                the object store or disk did not do what it was asked
    ├── DatabaseUnavailable          PostgreSQL cannot be reached, or is of the wrong version
    ├── Fenced                       our epoch is no longer the batch's: another worker has it; stop
    ├── AccountsUnbalanced           records read <> written + rejected, or a file that nobody settled: a defect
    ├── SchemaMoved                  the table changed while a batch was planned; plan again
    └── DataRejected                 a file or batch fails as a whole by policy
        ├── SchemaRefused            a new or conflicting column under a mode that forbids it
        ├── TooManyBadRecords        above the pipeline's max_bad_share
        └── UnreadableFile           not JSON at all, too large, or a decompression bomb

Each class carries `code`, the error code that Glue's API would answer.
"""

from __future__ import annotations


class GlulamError(Exception):
    """Base of every error that Glulam raises on purpose. `str(error)` is a sentence for a person."""

    code = "InternalServiceException"
    exit_code = 1


class InvalidInput(GlulamError):
    code = "InvalidInputException"
    exit_code = 2


class InvalidConfig(InvalidInput):
    pass


class UnsupportedSql(InvalidInput):
    pass


class SerializationFailed(GlulamError):
    code = "SerializationException"
    exit_code = 2


class ValidationFailed(GlulamError):
    code = "ValidationException"
    exit_code = 2


class UnknownOperation(GlulamError):
    code = "UnknownOperationException"


class OperationNotSupported(GlulamError):
    code = "OperationNotSupportedException"


class RequestTooLarge(GlulamError):
    code = "RequestEntityTooLargeException"


class LimitExceeded(GlulamError):
    code = "ResourceNumberLimitExceededException"


class RuleLimitExceeded(LimitExceeded):
    code = "LimitExceededException"


class ConcurrentRunsExceeded(GlulamError):
    code = "ConcurrentRunsExceededException"


class IdempotentMismatch(GlulamError):
    code = "IdempotentParameterMismatchException"


class RunEnded(GlulamError):
    code = "JobRunInTerminalStateException"


class IllegalWorkflowState(GlulamError):
    code = "IllegalWorkflowStateException"


class IllegalBlueprintState(GlulamError):
    code = "IllegalBlueprintStateException"


class IllegalSessionState(GlulamError):
    code = "IllegalSessionStateException"


class LogNotFound(GlulamError):
    code = "ResourceNotFoundException"
    exit_code = 3


class RuleNotFound(GlulamError):
    code = "ResourceNotFoundException"
    exit_code = 3


class InvalidEventPattern(GlulamError):
    code = "InvalidEventPatternException"
    exit_code = 2


class InvalidLogParameter(GlulamError):
    code = "InvalidParameterException"
    exit_code = 2


class Conflict(GlulamError):
    code = "ConflictException"


class CrawlerRunning(Conflict):
    code = "CrawlerRunningException"


class CrawlerNotRunning(Conflict):
    code = "CrawlerNotRunningException"


class CrawlerStopping(Conflict):
    code = "CrawlerStoppingException"


class NoSchedule(Conflict):
    code = "NoScheduleException"


class SchedulerRunning(Conflict):
    code = "SchedulerRunningException"


class SchedulerNotRunning(Conflict):
    code = "SchedulerNotRunningException"


class EncryptionFailed(GlulamError):
    code = "GlueEncryptionException"


class ConnectionFailed(GlulamError):
    code = "FederationSourceException"
    exit_code = 4


class ServerRefused(GlulamError):
    """`answered`: the code of the other server's error."""

    def __init__(self, message: str, answered: str = "") -> None:
        super().__init__(message)
        self.answered = answered


class NotDelivered(ConnectionFailed):
    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """What the channel asked for."""


class AccessRefused(GlulamError):
    code = "AccessDeniedException"


class MissingAuthentication(AccessRefused):
    code = "MissingAuthenticationTokenException"


class IncompleteSignature(AccessRefused):
    code = "IncompleteSignatureException"


class InvalidSignature(AccessRefused):
    code = "InvalidSignatureException"


class UnrecognizedClient(AccessRefused):
    code = "UnrecognizedClientException"


class ExpiredToken(AccessRefused):
    code = "ExpiredTokenException"


class AccessDenied(AccessRefused):
    code = "AccessDeniedException"


class ConditionCheckFailed(GlulamError):
    code = "ConditionCheckFailureException"


class EntityNotFound(GlulamError):
    code = "EntityNotFoundException"
    exit_code = 3


class AlreadyExists(GlulamError):
    code = "AlreadyExistsException"
    exit_code = 3


class ConcurrentModification(GlulamError):
    code = "ConcurrentModificationException"


class ObjectNotFound(GlulamError):
    code = "EntityNotFoundException"
    exit_code = 3


class ObjectChanged(GlulamError):
    code = "ConcurrentModificationException"


class StorageFailed(GlulamError):
    exit_code = 4


class DatabaseUnavailable(GlulamError):
    exit_code = 4


class Fenced(GlulamError):
    code = "ConcurrentModificationException"


class AccountsUnbalanced(GlulamError):
    """Never expected, never caught: the run that would have broken the promise stops instead."""

    exit_code = 70


class SchemaMoved(GlulamError):
    code = "ConcurrentModificationException"


class DataRejected(GlulamError):
    code = "InvalidInputException"


class SchemaRefused(DataRejected):
    pass


class TooManyBadRecords(DataRejected):
    pass


class UnreadableFile(DataRejected):
    pass
