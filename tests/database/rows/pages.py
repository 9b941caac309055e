"""Pages that tell whose rows they saw, in every way a page may end. For tests alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from asgiref.sync import sync_to_async
from django.db import Error, connection, connections, transaction
from django.http import FileResponse, HttpRequest, JsonResponse, StreamingHttpResponse
from django.urls import path

from accounts.models import ApiKey, User
from database.actor import acting_as, current_actor


def owners() -> list[str]:
    """Whose API keys a query alone finds."""
    return sorted(str(owner) for owner in ApiKey.objects.values_list("user_id", flat=True))


def alone(request: HttpRequest) -> JsonResponse:
    """One query outside any transaction, and one of colleagues."""
    return JsonResponse({"owners": owners(), "people": User.objects.count()})


def together(request: HttpRequest) -> JsonResponse:
    """In a transaction with a savepoint that is rolled back."""
    with transaction.atomic():
        seen = owners()
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        except Error:
            seen += owners()
    return JsonResponse({"owners": seen})


def iterated(request: HttpRequest) -> JsonResponse:
    """By a cursor of the server, and with what belongs to the rows."""
    seen = [str(key.user_id) for key in ApiKey.objects.iterator(chunk_size=1)]
    for person in User.objects.prefetch_related("api_keys"):
        seen += [str(key.user_id) for key in person.api_keys.all()]
    return JsonResponse({"owners": seen})


def fails(request: HttpRequest) -> JsonResponse:
    """An error in the middle of a transaction."""
    with transaction.atomic():
        owners()
        raise ZeroDivisionError("in the middle")


def fails_in_sql(request: HttpRequest) -> JsonResponse:
    """An error of the database in the middle of a transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        owners()
        cursor.execute("SELECT 1 / 0")
    return JsonResponse({})


def breaks(request: HttpRequest) -> JsonResponse:
    """The connection is gone in the middle of a transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        owners()
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    return JsonResponse({})


def leaves_open(request: HttpRequest) -> JsonResponse:
    """A transaction begun by hand that nobody ends."""
    transaction.set_autocommit(False)
    return JsonResponse({"owners": owners()})


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    """Lines that are made while they are sent: nobody is named by then."""

    def lines() -> Iterator[str]:
        yield f"{current_actor() or 'nobody'}\n"
        for owner in owners():
            yield f"{owner}\n"

    return StreamingHttpResponse(lines(), content_type="text/plain")


def streamed_for(request: HttpRequest) -> StreamingHttpResponse:
    """The same, saying again for whom."""

    def lines() -> Iterator[str]:
        with acting_as(request.user.pk):
            seen = owners()
        for owner in seen:
            yield f"{owner}\n"

    return StreamingHttpResponse(lines(), content_type="text/plain")


def handed_out(request: HttpRequest) -> FileResponse:
    """A file of this package, with a query before."""
    owners()
    return FileResponse(Path(__file__).open("rb"), as_attachment=True)


async def asynchronous(request: HttpRequest) -> JsonResponse:
    """An async view: its queries run in a thread, for the same person."""
    seen = await sync_to_async(owners)()
    seen += [str(key.user_id) async for key in ApiKey.objects.all()]
    return JsonResponse({"owners": seen})


def in_a_thread(request: HttpRequest) -> JsonResponse:
    """A thread started by hand inherits nobody."""
    seen: list[str] = []

    def look() -> None:
        try:
            seen.extend(owners())
        finally:
            connections.close_all()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return JsonResponse({"owners": seen})


urlpatterns = [
    path("alone", alone),
    path("together", together),
    path("iterated", iterated),
    path("fails", fails),
    path("fails_in_sql", fails_in_sql),
    path("breaks", breaks),
    path("leaves_open", leaves_open),
    path("streamed", streamed),
    path("streamed_for", streamed_for),
    path("handed_out", handed_out),
    path("asynchronous", asynchronous),
    path("in_a_thread", in_a_thread),
]
