"""Which posts pass for SNS's. The letters (a) to (h) are the known attacks on webhooks of this kind."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from fakes.sns import SigningSns

from ems.aws.sns import (
    CannotDecideError,
    ForgedError,
    MalformedError,
    RawDeliveryError,
    SnsVerifier,
    parse_envelope,
)


class Certificates:
    """Serves the test run's key and remembers what was asked for."""

    def __init__(self, key: RSAPrivateKey) -> None:
        self.key = key
        self.asked: list[str] = []
        self.vouched_for: bool | None = None

    def public_key(self, url: str, *, vouched_for: bool) -> RSAPublicKey:
        self.asked.append(url)
        self.vouched_for = vouched_for
        return self.key.public_key()


class NoCertificates:
    def public_key(self, url: str, *, vouched_for: bool) -> RSAPublicKey:
        raise CannotDecideError(f"{url} does not answer ({vouched_for=})")


@pytest.fixture
def certificates(sns: SigningSns) -> Certificates:
    return Certificates(sns.key)


@pytest.fixture
def verifier(sns: SigningSns, certificates: Certificates) -> SnsVerifier:
    return SnsVerifier(topic_arns=[sns.topic_arn], certificates=certificates)


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_signed_notification_is_genuine(sns: SigningSns, verifier: SnsVerifier, version: str) -> None:
    verifier.verify(parse_envelope(sns.notification(version=version)))


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_a_signed_confirmation_is_genuine(sns: SigningSns, verifier: SnsVerifier, version: str, kind: str) -> None:
    verifier.verify(parse_envelope(sns.confirmation(kind, version=version)))


@pytest.mark.parametrize("subject", [None, "", "Amazon SES Email Event Notification"])
def test_a_subject_counts_when_it_is_there_and_is_skipped_when_it_is_null(
    sns: SigningSns, verifier: SnsVerifier, subject: str | None
) -> None:
    verifier.verify(parse_envelope(sns.notification(Subject=subject)))


@pytest.mark.parametrize("message", ["ends in a newline\n", "Grüße, 世界 🎉", 'tab\tand \\ and " and \u2028', ""])
def test_the_message_is_compared_as_json_decodes_it(sns: SigningSns, verifier: SnsVerifier, message: str) -> None:
    verifier.verify(parse_envelope(sns.notification(message)))


def test_the_lambda_spelling_of_the_certificate_url_is_read_too(sns: SigningSns, verifier: SnsVerifier) -> None:
    body = json.loads(sns.notification())
    body["SigningCertUrl"] = body.pop("SigningCertURL")
    verifier.verify(parse_envelope(json.dumps(body).encode()))


def test_a_topic_in_china_has_its_certificates_under_com_cn(sns: SigningSns, certificates: Certificates) -> None:
    topic = "arn:aws-cn:sns:cn-north-1:123456789012:ems-events"
    url = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0a1b.pem"
    verifier = SnsVerifier(topic_arns=[topic], certificates=certificates)
    verifier.verify(parse_envelope(sns.notification(TopicArn=topic, SigningCertURL=url)))
    with pytest.raises(ForgedError, match="SigningCertURL"):
        verifier.verify(parse_envelope(sns.notification(TopicArn=topic, SigningCertURL=url.replace(".cn/", "/"))))


@pytest.mark.parametrize("key", ["Message", "MessageId", "Subject", "Timestamp"])
def test_changing_a_signed_value_of_a_notification_breaks_it(sns: SigningSns, verifier: SnsVerifier, key: str) -> None:
    body = sns.forge(sns.notification(), **{key: "changed"})
    with pytest.raises(ForgedError, match="Signature"):
        verifier.verify(parse_envelope(body))


@pytest.mark.parametrize("key", ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token"])
def test_changing_a_signed_value_of_a_confirmation_breaks_it(sns: SigningSns, verifier: SnsVerifier, key: str) -> None:
    body = sns.forge(sns.confirmation(), **{key: "changed"})
    with pytest.raises(ForgedError, match="Signature"):
        verifier.verify(parse_envelope(body))


def test_a_confirmation_cannot_be_replayed_as_a_notification(sns: SigningSns, verifier: SnsVerifier) -> None:
    with pytest.raises(ForgedError, match="Signature"):
        verifier.verify(parse_envelope(sns.forge(sns.confirmation(), Type="Notification")))


def test_a_signature_of_another_key_is_forged(sns: SigningSns) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    verifier = SnsVerifier(topic_arns=[sns.topic_arn], certificates=Certificates(other))
    with pytest.raises(ForgedError, match="Signature"):
        verifier.verify(parse_envelope(sns.notification()))


@pytest.mark.parametrize("signature", ["", "no base64!", "Größe", base64.b64encode(b"short").decode()])
def test_a_signature_that_is_none_is_forged(sns: SigningSns, verifier: SnsVerifier, signature: str) -> None:
    with pytest.raises(ForgedError, match="Signature"):
        verifier.verify(parse_envelope(sns.forge(sns.notification(), Signature=signature)))


def test_text_that_utf8_cannot_hold_is_forged_and_no_crash(sns: SigningSns, verifier: SnsVerifier) -> None:
    with pytest.raises(ForgedError, match="Signature"):
        verifier.verify(parse_envelope(sns.forge(sns.notification(), Message="\ud800")))


@pytest.mark.parametrize(
    "url",
    [
        # (a) some other host of AWS's, where anybody can put a file
        "https://sns.s3.amazonaws.com/SimpleNotificationService-0a1b.pem",
        "https://attacker.s3.amazonaws.com/SimpleNotificationService-0a1b.pem",
        "https://s3.us-east-1.amazonaws.com/sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
        # (b) hosts that only begin, end or look like SNS's
        "https://sns.us-east-1.amazonaws.com.evil.example.com/SimpleNotificationService-0a1b.pem",
        "https://evilsns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
        "https://sns.us-east-1.amazonaws.com@evil.example.com/SimpleNotificationService-0a1b.pem",
        "https://evil.example.com#@sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
        "https://evil.example.com\\@sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
        "https://sns-us-east-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
        "https://snsXus-east-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
        "https://sns.us-east-1.amazonaws.com.cn/SimpleNotificationService-0a1b.pem",
        # (c) other schemes, ports, paths and inner hosts
        "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
        "file:///etc/ssl/SimpleNotificationService-0a1b.pem",
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:8000/SimpleNotificationService-0a1b.pem",
        "https://sns.us-east-1.amazonaws.com:8443/SimpleNotificationService-0a1b.pem",
        "https://user:secret@sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b.pem?x=1",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b.pem#x",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b.pem\n",
        " https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
        "https://sns.us-east-1.amazonaws.com/x/../SimpleNotificationService-0a1b.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-XYZ.pem",
        "https://sns.us-east-1.amazonaws.com/other.pem",
        "",
    ],
)
def test_a_certificate_from_anywhere_but_sns_is_refused_without_a_fetch(
    sns: SigningSns, verifier: SnsVerifier, certificates: Certificates, url: str
) -> None:
    with pytest.raises(ForgedError, match="SigningCertURL"):
        verifier.verify(parse_envelope(sns.notification(SigningCertURL=url)))
    assert certificates.asked == []


@pytest.mark.parametrize(
    "topic",
    [
        # (d) anybody may own a topic, and SNS signs for it
        "arn:aws:sns:us-east-1:999999999999:ems-events",
        "arn:aws:sns:us-east-1:123456789012:ems-events-2",
        "arn:aws:sns:us-east-1:123456789012:EMS-EVENTS",
        "",
    ],
)
def test_a_validly_signed_message_of_another_topic_is_refused_without_a_fetch(
    sns: SigningSns, verifier: SnsVerifier, certificates: Certificates, topic: str
) -> None:
    with pytest.raises(ForgedError, match="TopicArn"):
        verifier.verify(parse_envelope(sns.notification(TopicArn=topic)))
    assert certificates.asked == []


def test_without_an_allow_list_no_topic_is_accepted(sns: SigningSns, certificates: Certificates) -> None:
    verifier = SnsVerifier(topic_arns=[], certificates=certificates)
    with pytest.raises(ForgedError, match="EMS_SNS_TOPIC_ARNS"):
        verifier.verify(parse_envelope(sns.notification()))


def test_an_allowed_topic_that_is_no_arn_has_no_certificates(sns: SigningSns, certificates: Certificates) -> None:
    verifier = SnsVerifier(topic_arns=["ems-events"], certificates=certificates)
    with pytest.raises(ForgedError, match="SigningCertURL"):
        verifier.verify(parse_envelope(sns.notification(TopicArn="ems-events")))


def test_an_old_message_is_genuine_since_redrives_are_old_and_handlers_idempotent(
    sns: SigningSns, verifier: SnsVerifier
) -> None:
    """(e) Replay."""
    verifier.verify(parse_envelope(sns.notification(Timestamp="2019-01-01T00:00:00.000Z")))


@pytest.mark.parametrize("message", ['{"eventType":"Bounce","bounce":{}}', '{"notificationType":"Bounce"}'])
def test_a_bare_ses_event_is_named_as_raw_delivery(message: str) -> None:
    """(f) Raw delivery has no signature."""
    with pytest.raises(RawDeliveryError, match="RawMessageDelivery"):
        parse_envelope(message.encode())


def test_sha1_can_be_refused_once_the_topic_signs_with_sha256(sns: SigningSns, certificates: Certificates) -> None:
    """(g) Downgrade."""
    verifier = SnsVerifier(topic_arns=[sns.topic_arn], certificates=certificates, min_signature_version=2)
    verifier.verify(parse_envelope(sns.notification(version="2")))
    with pytest.raises(ForgedError, match="SignatureVersion"):
        verifier.verify(parse_envelope(sns.notification(version="1")))


def test_a_version_1_signature_does_not_pass_as_version_2(sns: SigningSns, verifier: SnsVerifier) -> None:
    with pytest.raises(ForgedError, match="Signature"):
        verifier.verify(parse_envelope(sns.forge(sns.notification(version="1"), SignatureVersion="2")))


@pytest.mark.parametrize("version", ["0", "3", "", "01", "\uff11"])
def test_an_unknown_signature_version_is_forged(sns: SigningSns, verifier: SnsVerifier, version: str) -> None:
    with pytest.raises(ForgedError, match="SignatureVersion"):
        verifier.verify(parse_envelope(sns.forge(sns.notification(), SignatureVersion=version)))


def test_a_confirmation_for_another_topic_is_refused(
    sns: SigningSns, verifier: SnsVerifier, certificates: Certificates
) -> None:
    """(h) Being subscribed by a stranger."""
    with pytest.raises(ForgedError, match="TopicArn"):
        verifier.verify(parse_envelope(sns.confirmation(TopicArn="arn:aws:sns:us-east-1:999999999999:theirs")))
    assert certificates.asked == []


def test_a_type_without_a_defined_signature_cannot_be_verified(sns: SigningSns, verifier: SnsVerifier) -> None:
    with pytest.raises(ForgedError, match="Type"):
        verifier.verify(parse_envelope(sns.notification(Type="SomethingNew")))


def test_an_unreachable_certificate_leaves_the_question_open(sns: SigningSns) -> None:
    verifier = SnsVerifier(topic_arns=[sns.topic_arn], certificates=NoCertificates())
    with pytest.raises(CannotDecideError):
        verifier.verify(parse_envelope(sns.notification()))


def test_one_extra_certificate_url_can_be_trusted_and_only_that_one(
    sns: SigningSns, certificates: Certificates
) -> None:
    url = "http://127.0.0.1:4570/sns/signing.pem"
    verifier = SnsVerifier(topic_arns=[sns.topic_arn], certificates=certificates, extra_cert_url=url)
    verifier.verify(parse_envelope(sns.notification(SigningCertURL=url)))
    assert certificates.vouched_for is True
    verifier.verify(parse_envelope(sns.notification()))
    assert certificates.vouched_for is False
    with pytest.raises(ForgedError, match="SigningCertURL"):
        verifier.verify(parse_envelope(sns.notification(SigningCertURL=url + "?")))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe\xfd", b"[" * 200_000, b'{"Type":1}', b"hello"])
def test_what_is_no_envelope_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_envelope(body)


def test_a_post_cut_off_anywhere_is_malformed(sns: SigningSns) -> None:
    body = sns.notification()
    for length in range(0, len(body) - 1, 37):
        with pytest.raises(MalformedError):
            parse_envelope(body[:length])


@pytest.mark.parametrize("key", ["MessageId", "TopicArn", "Message", "Timestamp", "Signature", "SigningCertURL"])
def test_a_missing_field_is_named(sns: SigningSns, key: str) -> None:
    with pytest.raises(MalformedError, match=key):
        parse_envelope(sns.forge(sns.notification(), **{key: None}))


@pytest.mark.parametrize("key", ["Token", "SubscribeURL"])
def test_a_missing_field_of_a_confirmation_is_named(sns: SigningSns, key: str) -> None:
    with pytest.raises(MalformedError, match=key):
        parse_envelope(sns.forge(sns.confirmation(), **{key: None}))


def test_a_message_that_is_an_object_is_malformed(sns: SigningSns) -> None:
    with pytest.raises(MalformedError, match="Message: not a text"):
        parse_envelope(sns.forge(sns.notification(), Message={"eventType": "Send"}))
