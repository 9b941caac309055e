"""A small resource on the conventions, as packages write theirs, with an action for every case."""

from __future__ import annotations

import time
from typing import Any, cast
from uuid import UUID

from django.core.exceptions import PermissionDenied as PlainPermissionDenied
from django.core.exceptions import (
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.core.exceptions import ValidationError as PlainValidationError
from django.db import OperationalError, connection, transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema
from psycopg import errors as sql
from rest_framework import exceptions, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from config.api.filters import (
    DayFilter,
    FilterSet,
    MomentFilter,
    NumberFilter,
    TruthFilter,
)
from config.api.parsers import MultiPartParser
from config.api.permissions import LOGGED_IN, NO_KEY, PUBLIC
from config.api.problems import ProblemType, register_problem
from config.api.scopes import declare_scope
from config.api.throttles import AddressLimit
from config.api.views import ApiView, Listed, Retrieved, RowViewSet
from imaging.models import Image

READ = declare_scope("read:pictures", "See the pictures of the tests.")
WRITE = declare_scope("write:pictures", "Change the pictures of the tests.")


class OutOfFilm(Exception):
    """A refusal of a package."""


class OutOfFilmForGood(OutOfFilm):
    """One derived from it."""


register_problem(OutOfFilm, ProblemType("out-of-film", 409, "There is no film", "Load some."))


class PictureFilters(FilterSet):
    """One filter of each kind."""

    made_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    made_on = DayFilter(field_name="created_at", lookup_expr="date")
    weight_above = NumberFilter(field_name="file_size", lookup_expr="gt")
    double = TruthFilter(field_name="is_duplicate")

    class Meta:
        model = Image
        fields = ("analysis_status", "mime_type", "user", "file_size", "is_duplicate")


class PictureSerializer(serializers.ModelSerializer[Image]):
    """An image."""

    class Meta:
        model = Image
        fields = ("id", "file_name", "file_size", "metadata", "created_at", "updated_at")
        read_only_fields = ("id", "file_size", "created_at", "updated_at")


class Pictures(Listed, Retrieved, RowViewSet):
    """Images, for the tests."""

    queryset = Image.objects.all()
    serializer_class = PictureSerializer
    filterset_class = PictureFilters
    orders = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
        "processed": ("processed_at", "pk"),
    }
    matching_actions = frozenset({"partial_update", "destroy"})
    secret_answers = frozenset({"secret"})
    permission = {
        "list": "imaging.view_image",
        "retrieve": "imaging.view_image",
        "partial_update": "imaging.change_image",
        "destroy": ("imaging.delete_image", "imaging.change_image"),
        "create": "imaging.add_image",
        "secret": LOGGED_IN,
        "careless": LOGGED_IN,
    }
    scope = {
        "list": READ,
        "retrieve": READ,
        "partial_update": WRITE,
        "destroy": WRITE,
        "create": WRITE,
        "secret": NO_KEY,
        "careless": NO_KEY,
    }

    def create(self, request: Request) -> Response:
        """Make a picture of the name that is asked for; "slow" takes its time, "bad" fails."""
        data = self.checked()
        name = data["file_name"]
        if name == "slow":
            time.sleep(0.3)
        image = Image.objects.create(
            user=cast("User", request.user),
            file_name=name,
            file_path=f"originals/{name}.jpg",
            file_size=1,
            mime_type="image/jpeg",
            file_hash=f"{abs(hash((name, time.monotonic_ns()))):064x}",
        )
        if name == "bad":
            raise OutOfFilm("There is no film left.")
        return self.made(image, "picture-detail")

    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Rename it."""
        with self.changing() as image:
            image.file_name = self.checked(image)["file_name"]
            image.save(update_fields=["file_name"])
        return self.changed(image)

    def destroy(self, request: Request, pk: UUID) -> Response:
        """Throw it away."""
        with self.changing() as image:
            # Images stay for good here; what the address stands for is renamed away.
            image.file_name = "thrown away"
            image.save(update_fields=["file_name"])
        return Response(status=204)

    @extend_schema(request=None)
    @action(detail=False, methods=["post"])
    def secret(self, request: Request) -> Response:
        """Answer with a secret."""
        return Response({"secret": "open sesame"}, status=201)

    @action(detail=True, methods=["post"])
    def careless(self, request: Request, pk: UUID) -> Response:
        """Change a row without having said so."""
        with self.changing() as image:
            return self.shown(image)


def _database_error(kind: type[Exception], cause: Exception) -> Exception:
    error = kind("in the words of the driver: table images, column secret")
    error.__cause__ = cause
    return error


FAILURES: dict[str, Any] = {
    "validation": lambda: exceptions.ValidationError({"name": {"inner": ["Is wrong."]}}),
    "list": lambda: exceptions.ValidationError({"names": [{}, {"x": ["No."]}]}),
    "plain-validation": lambda: PlainValidationError({"name": ["Is wrong."]}),
    "plain-sentence": lambda: PlainValidationError("All of it is wrong."),
    "parse": lambda: exceptions.ParseError("Not JSON."),
    "anonymous": exceptions.NotAuthenticated,
    "forbidden": lambda: PlainPermissionDenied("Your role does not allow it."),
    "missing": lambda: Http404("No Image matches the given query."),
    "acceptable": exceptions.NotAcceptable,
    "media": lambda: exceptions.UnsupportedMediaType("text/html"),
    "throttled": lambda: exceptions.Throttled(wait=2.2),
    "domain": lambda: OutOfFilm("There is no film left."),
    "derived": lambda: OutOfFilmForGood("There will be none."),
    "too-big": lambda: RequestDataTooBig("The body is too large"),
    "too-many-files": lambda: TooManyFilesSent("Too many files"),
    "too-many-fields": lambda: TooManyFieldsSent("internal words"),
    "suspicious": lambda: SuspiciousOperation("internal words"),
    "away": lambda: _database_error(OperationalError, sql.OperationalError("refused")),
    "timeout": lambda: _database_error(OperationalError, sql.QueryCanceled("internal words")),
    "deadlock": lambda: _database_error(OperationalError, sql.DeadlockDetected("internal words")),
    "fault": lambda: RuntimeError("a password stands here"),
}


class Failing(ApiView):
    """Raises what its address asks for."""

    permission = LOGGED_IN
    scope = READ

    def get(self, request: Request, kind: str) -> Response:
        """Raise it."""
        failure = FAILURES[kind]()
        raise failure


REFUSED = {
    "nul": ("SELECT %s", ["\x00"]),
    "right": ("DELETE FROM analysis_results_history", []),
    "unique": (
        "INSERT INTO django_session VALUES ('a', 'x', now()), ('a', 'x', now())",
        [],
    ),
    "raised": ("DO $$ BEGIN RAISE EXCEPTION 'Not on Sundays.'; END $$", []),
    "check": ("INSERT INTO images (file_name, file_size) VALUES ('a', -1)", []),
}


class Refused(ApiView):
    """Has the database itself refuse."""

    permission = LOGGED_IN
    scope = READ

    def get(self, request: Request, kind: str) -> Response:
        """Send what will be refused."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(*REFUSED[kind])
        return Response()


class Echo(ApiView):
    """Gives back what it read."""

    permission = PUBLIC
    query_parameters = {"get": ("word",)}
    throttle_classes = []

    def get(self, request: Request) -> Response:
        """The word."""
        return Response({"word": request.query_params.get("word")})

    def post(self, request: Request) -> Response:
        """The body."""
        return Response({"read": request.data})


class Upload(ApiView):
    """Takes files."""

    permission = "imaging.add_image"
    scope = WRITE
    parser_classes = [MultiPartParser]

    def post(self, request: Request) -> Response:
        """How long the files are, read once more after the fingerprint was taken of them."""
        return Response({"sizes": [len(file.read()) for file in request.FILES.getlist("file")]})


class Who(ApiView):
    """Tells for whom the database works."""

    permission = LOGGED_IN
    scope = READ

    def get(self, request: Request) -> Response:
        """The person of the request, and the one that policies see."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT app_user_id()")
            (acting,) = cursor.fetchone()
        return Response({"user": str(request.user.pk), "acting": str(acting)})


class Undeclared(ApiView):
    """Forgot to say who may."""

    def get(self, request: Request) -> Response:
        """What must not be seen."""
        return Response({"secret": True})


class ThreeAMinute(AddressLimit):
    """A limit that is soon reached."""

    scope = "test"
    most = 3


class Limited(ApiView):
    """Answers three times a minute."""

    permission = PUBLIC
    throttle_classes = [ThreeAMinute]

    def get(self, request: Request) -> Response:
        """Nothing much."""
        return Response({"known": bool(request.user.is_authenticated)})
