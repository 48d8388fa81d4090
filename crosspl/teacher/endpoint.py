"""A teacher behind an OpenAI-compatible endpoint, such as vLLM's server: POST {base_url}/chat/completions.

In: messages and a sample's number. Out: an answer {"text", "finish", "model", "tokens"}; Again for what may go better
next time, Refused for a question that will never be answered here, UserError for what concerns all questions.
Protocol: platform.openai.com/docs/api-reference/chat, docs.vllm.ai/en/latest/serving/openai_compatible_server.html
"""

import datetime
import email.utils
import hashlib
import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.request

from crosspl.errors import UserError
from crosspl.teacher.calls import Again, Refused

LARGEST = 16 << 20  # bytes of a response
REPEATED = (408, 409, 425)  # beside 429 and 5xx: the same question may be answered later
CONCERNS_ALL = {
    401: "set the right key in the variable that teacher.calls.key names",
    402: "pay, or take another endpoint",
    403: "set the right key in the variable that teacher.calls.key names",
    404: "mend teacher.model or teacher.calls.base_url, which ends in /v1",
    405: "mend teacher.calls.base_url, which ends in /v1",
}


class Straight(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the key would go to another place."""

    def redirect_request(self, *_):
        return None


def endpoint(model, sampling, calls):
    """Return the teacher `model` at calls["base_url"]."""
    url, key = f"{calls['base_url'].rstrip('/')}/chat/completions", read_key(calls["key"])
    opener = urllib.request.build_opener(Straight)

    def ask(messages, sample):
        request = urllib.request.Request(url, json.dumps(body(model, messages, sampling, sample)).encode())
        request.add_header("Content-Type", "application/json")
        request.add_header("User-Agent", "crosspl")
        if key:
            request.add_unredirected_header("Authorization", f"Bearer {key}")
        return answer(respond(opener, request, calls["timeout_s"], key), url, key)

    return ask


def read_key(name):
    """Return the API key in the environment variable `name`, None for no name. No message holds the key."""
    if name is None:
        return None
    key = os.environ.get(name, "").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise UserError(f"teacher.calls.key: the environment variable {name} holds no key; export {name}=…")
    return key


def body(model, messages, sampling, sample):
    """Return what is sent: settings that are null are left out, so that the endpoint's own count."""
    settings = {name: sampling[name] for name in ("temperature", "top_p", "max_tokens") if sampling[name] is not None}
    if sampling["seed"] is not None:
        settings["seed"] = seed_of(sampling["seed"], messages, sample)
    return {"model": model, "messages": messages, **settings, **sampling["extra"]}


def seed_of(seed, messages, sample):
    """Return a 31-bit seed that depends on all of its arguments."""
    text = json.dumps([seed, messages, sample])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def respond(opener, request, timeout, key):
    """Return the bytes of a response of status 200; anything else is an exception of this module's kinds."""
    url = request.full_url
    try:
        with opener.open(request, timeout=timeout) as response:
            return read_all(response, timeout)
    except urllib.error.HTTPError as error:
        raise failed_status(error, url, key) from None
    except (OSError, http.client.HTTPException) as error:
        raise failed_connection(error, url) from None


def read_all(response, timeout):
    """Return all bytes; a server that sends little by little must be done in time, too."""
    parts, size, end = [], 0, time.monotonic() + timeout
    while part := response.read1(1 << 16):
        parts.append(part)
        size += len(part)
        if size > LARGEST:
            raise http.client.HTTPException(f"more than {LARGEST} bytes")
        if time.monotonic() > end:
            raise TimeoutError
    if response.length:  # what was announced and never came
        raise http.client.IncompleteRead(b"".join(parts), response.length)
    return b"".join(parts)


def failed_status(error, url, key):
    """Return the exception for a status other than 200."""
    said = f"{url} answers {error.code}: {words(error, key)}"
    if error.code == 429:
        return Again("rate_limited", said, retry_after(error.headers.get("Retry-After")))
    if error.code >= 500 or error.code in REPEATED:
        return Again("server_errors", said, retry_after(error.headers.get("Retry-After")))
    if error.code < 400:
        return UserError(f"{url} sends us elsewhere ({error.code}): name that place in teacher.calls.base_url")
    if error.code in CONCERNS_ALL:
        return UserError(f"{said}: {CONCERNS_ALL[error.code]}")
    return Refused(said)


def failed_connection(error, url):
    """Return the exception for a request that brought no complete response."""
    reason = getattr(error, "reason", None) if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return UserError(f"{url}: {reason.verify_message}: set SSL_CERT_FILE, or mend teacher.calls.base_url")
    if isinstance(reason, TimeoutError):
        return Again("timeouts", f"{url} did not answer in time (teacher.calls.timeout_s)")
    if isinstance(reason, ConnectionResetError | BrokenPipeError | http.client.HTTPException):
        return Again("broken", f"{url} broke off ({type(reason).__name__})")
    return Again("unreachable", f"{url} cannot be reached ({getattr(reason, 'strerror', None) or reason})")


def answer(data, url, key):
    """Return the answer in a response of status 200."""
    try:
        document = json.loads(data)
        choice = document["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason") or "stop"
        if message.get("refusal"):
            finish = "content_filter"
        text = message.get("content")
        if text is None and finish in ("content_filter", "length"):  # all was filtered, or went into reasoning
            text = ""
        if not isinstance(text, str) or not isinstance(finish, str):
            raise TypeError
        tokens = (document.get("usage") or {}).get("completion_tokens")
        return {"text": text, "finish": finish, "model": document.get("model"), "tokens": tokens}
    except (ValueError, LookupError, TypeError, AttributeError):
        said = shortened(data.decode(errors="replace"), key)
        raise Again("malformed", f"{url} sends no chat completion: {said}") from None


def words(error, key):
    """Return what a server says of an error, in short."""
    try:
        text = error.read(4096).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        text = ""
    return shortened(text or str(error.reason), key)


def shortened(text, key):
    """Return one line of at most 200 characters, without the key."""
    text = " ".join((text.replace(key, "[key]") if key else text).split())
    return text if len(text) <= 200 else f"{text[:200]}…"


def retry_after(value):
    """Return the seconds that a Retry-After header asks for, a number or a date; None without a usable one."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        then = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    now = datetime.datetime.now(then.tzinfo or None)
    return max(0.0, (then - now).total_seconds())
