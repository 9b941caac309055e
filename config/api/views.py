"""What the views of the API are made of; a resource is a view set with a few lines of its own.

``docs/api.md`` has the example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final, cast
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.module_loading import import_string
from rest_framework.exceptions import ValidationError
from rest_framework.fields import Field
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from config.api import idempotency, preconditions
from config.api.authentication import CHALLENGE
from config.api.filters import FilterBackend, refuse_unknown
from config.api.pagination import KeysetPagination
from config.api.permissions import Permission, Scope, action_of, declared
from config.api.problems import ProblemType
from config.api.values import refuse_other_types

_METHODS: Final = ["get", "head", "post", "put", "patch", "delete"]
Handler = Callable[..., Response]


class Conventions(APIView):
    """What every view has: declared rights, known parameters, the person named to the database.

    - ``permission`` and ``scope``: see ``config.api.permissions``.
    - ``query_parameters``: those that the view takes, for each action or for all, beside a list's.
    - ``secret_answers``: actions whose answer holds a secret, and is not kept for a repetition.
    - ``never_repeated``: POST actions that take no ``Idempotency-Key``.
    - ``refusals``: kinds of problem beside those of the conventions, for the schema.
    """

    http_method_names = _METHODS
    permission: ClassVar[Permission | Mapping[str, Permission] | None] = None
    scope: ClassVar[Scope | Mapping[str, Scope] | None] = None
    query_parameters: ClassVar[Sequence[str] | Mapping[str, Sequence[str]]] = ()
    secret_answers: ClassVar[frozenset[str]] = frozenset()
    never_repeated: ClassVar[frozenset[str]] = frozenset()
    refusals: ClassVar[Sequence[ProblemType] | Mapping[str, Sequence[ProblemType]]] = ()

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """As REST framework's; the handler runs for the person who was authenticated."""
        self.args, self.kwargs = args, kwargs
        self.request = asked = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(asked, *args, **kwargs)
            with acting_as(asked):
                response = self._answer(asked, *args, **kwargs)
        except Exception as error:  # each becomes a problem, or is raised again
            response = self.handle_exception(error)
        self.response = self.finalize_response(asked, response, *args, **kwargs)
        return self.response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """As REST framework's; then every query parameter must be one that is known."""
        super().initial(request, *args, **kwargs)
        refuse_unknown(request, self.known_parameters(), many=self.repeatable_parameters())

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """As REST framework's; what one person is answered is nobody else's to keep."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.setdefault("Cache-Control", "no-store")
        patch_vary_headers(response, ["Authorization", "Cookie"])
        return response

    def get_authenticate_header(self, request: Request) -> str:
        """How to authenticate; a refusal of a stranger is always 401."""
        return CHALLENGE

    def current_action(self) -> str:
        """The name under which the view declares what it does now."""
        return action_of(self, self.request.method or "") or ""

    def known_parameters(self) -> set[str]:
        """The query parameters of the present action."""
        return set(declared(self, "query_parameters", self.current_action()) or ())

    def repeatable_parameters(self) -> set[str]:
        """Those that may be given more than once."""
        return set()

    def _answer(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        method = (request.method or "").lower()
        named = method if method in self.http_method_names else ""
        handler: Handler = getattr(self, named, None) or self.http_method_not_allowed
        user = request.user
        action = self.current_action()
        if method != "post" or action in self.never_repeated or not _is_known(user):
            return handler(request, *args, **kwargs)
        return idempotency.run(
            request,
            lambda: handler(request, *args, **kwargs),
            secret=action in self.secret_answers,
            user_id=cast("UUID", user.pk),
        )


class ApiView(Conventions):
    """One address that is no resource with rows: a method for each verb (``get``, ``post``)."""


class RowView(Conventions, GenericAPIView[Any]):
    """What views of a model's rows have in common.

    ``orders`` names the orders of the list, the default first; each ends in the key. ``etag``
    may be extended where a representation shows more than its row.
    """

    pagination_class = KeysetPagination
    filter_backends = [FilterBackend]
    orders: ClassVar[Mapping[str, Sequence[str]]] = {"newest": ("-pk",)}
    # Actions whose answer is a list: they take filters, cursor and limit.
    list_actions: ClassVar[frozenset[str]] = frozenset({"list"})
    # Actions that change the row of their address, and need If-Match.
    matching_actions: ClassVar[frozenset[str]] = frozenset({"update", "partial_update", "destroy"})

    def known_parameters(self) -> set[str]:
        """Those of the action, and a list's own."""
        known = super().known_parameters()
        if self.current_action() in self.list_actions:
            known |= {"cursor", "limit", *FilterBackend().names(self)}
            known |= {"order"} if len(self.orders) > 1 else set()
        return known

    def repeatable_parameters(self) -> set[str]:
        """Filters of which several values may be given."""
        filterset = FilterBackend().get_filterset_class(self)
        if filterset is None:
            return set()
        filters = filterset.base_filters.items()
        return {name for name, known in filters if hasattr(known, "conjoined")}

    def etag(self, row: Any) -> str:
        """The state of the row as its representation shows it."""
        return preconditions.etag_of(row)

    def list_of(self, rows: QuerySet[Any]) -> Response:
        """A page of these rows, filtered as the address asks."""
        page = self.paginate_queryset(self.filter_queryset(rows))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def checked(self, row: Model | None = None) -> dict[str, Any]:
        """The body as the serializer understands it; for a row, what is given of it.

        Raises ``ValidationError``, also for a field that cannot be written.
        """
        serializer = self.get_serializer(row, data=self.request.data, partial=row is not None)
        return validated(serializer)

    def made(self, row: Model, name: str) -> Response:
        """201 with the new row and its address, which is the url ``name`` with the row's key."""
        address = reverse(name, kwargs={self.lookup_url_kwarg or self.lookup_field: row.pk})
        return self.shown(row, status=201, location=address)

    def get_object(self) -> Any:
        """The row of this address; 404 when there is none, or none that the caller may see."""
        return self.row_in(self.get_queryset())

    def row_in(self, rows: QuerySet[Any]) -> Any:
        """The row of this address among these."""
        name = self.lookup_url_kwarg or self.lookup_field
        row = get_object_or_404(rows, **{self.lookup_field: self.kwargs[name]})
        self.check_object_permissions(self.request, row)
        return row

    def shown(self, row: Any, *, status: int = 200, location: str | None = None) -> Response:
        """The row's representation with its ETag."""
        data = self.get_serializer(row).data
        headers = {"Location": location} if location else None
        return preconditions.tag(Response(data, status=status, headers=headers), self.etag(row))

    @contextmanager
    def changing(self) -> Iterator[Any]:
        """The row of this address, locked, in a transaction, and as ``If-Match`` says.

        Raises 404, 428 and 412, in this order. What the block does is committed at its end.
        """
        if self.current_action() not in self.matching_actions:
            raise ImproperlyConfigured(
                f"{type(self).__name__}.{self.current_action()} changes its row: name it in"
                " matching_actions."
            )
        with transaction.atomic():
            rows = self.get_queryset().select_for_update(of=("self",), no_key=True)
            row = self.row_in(rows)
            preconditions.require_match(self.request, self.etag(row))
            yield row

    def changed(self, row: Model) -> Response:
        """The row as it stands after a change, triggers included."""
        return self.shown(self.get_queryset().get(pk=row.pk))


class RowViewSet(RowView, GenericViewSet[Any]):
    """A resource: add ``Listed`` and ``Retrieved``, and a method for each action."""


class Listed(RowView):
    """``GET …/``: the rows in pages."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of the rows that the caller may see."""
        return self.list_of(self.get_queryset())


class Retrieved(RowView):
    """``GET …/{id}/``: one row with its ETag."""

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The row, or 304 when the caller has this state of it."""
        row = self.get_object()
        etag = self.etag(row)
        if preconditions.is_unchanged(request, etag):
            return preconditions.not_modified(etag)
        return self.shown(row)


def validated(serializer: BaseSerializer[Any]) -> dict[str, Any]:
    """The values; ValidationError for what is wrong, and for fields that cannot be written."""
    fields: dict[str, Field[Any, Any, Any, Any]] = getattr(serializer, "fields", {})
    writable = [name for name, field in fields.items() if not field.read_only]
    refuse_other_types(serializer.initial_data, {name: fields[name] for name in writable})
    serializer.is_valid(raise_exception=True)
    unknown = [name for name in serializer.initial_data if name not in writable]
    if unknown:
        takes = f"It takes {', '.join(writable)}." if writable else "It takes none."
        sentence = f"This field cannot be written here. {takes}"
        raise ValidationError({str(name)[:100]: [sentence] for name in unknown})
    return dict(serializer.validated_data)


@contextmanager
def acting_as(request: Request) -> Iterator[None]:
    """Queries inside run for the person who was authenticated, or for nobody."""
    user = request.user
    named = import_string(settings.API_ACTING_AS)
    with named(user.pk if _is_known(user) else None):
        yield


def _is_known(user: Any) -> bool:
    return user is not None and bool(user.is_authenticated)
