"""Files of numbers: handing in, looking into, saying how they are read, joining, removing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from audit.recording import record
from config.api import preconditions
from config.api.parsers import MultiPartParser
from config.api.permissions import action_of
from config.api.views import Listed, Retrieved, RowViewSet
from ingestion import stored
from ingestion.actions import checks, dialects, files
from ingestion.api import uploads
from ingestion.api.declared import READ_FILES, TABLE_TOO_LARGE, TABLE_TYPE, WRITE_FILES
from ingestion.api.declared import TABLE_UNREADABLE as UNREADABLE
from ingestion.api.rows import (
    DialectSerializer,
    FileDetailSerializer,
    FileFilters,
    FileSerializer,
    FilesToMergeSerializer,
    FileToUploadSerializer,
    PreviewSerializer,
    UploadedFileSerializer,
    decimal_field,
    delimiter_field,
    encoding_field,
)
from ingestion.errors import DialectRefused, NotNow
from ingestion.limits import SizeLimit
from ingestion.models import FileUpload
from ingestion.reading import Dialect, TableRefused

_VIEW: Final = "ingestion.view_fileupload"
_ADD: Final = "ingestion.add_fileupload"
_CHANGE: Final = "ingestion.change_fileupload"
_CSV: Final = "text/csv"


class CsvRenderer(JSONRenderer):
    """Lets a caller ask for any format; what is not a file, a problem, is written as JSON."""

    media_type = "*/*"
    format = "csv"


class _PreviewQuery(serializers.Serializer[Any]):
    rows = serializers.IntegerField(min_value=1, max_value=dialects.MOST_ROWS, default=20)
    columns = serializers.IntegerField(min_value=1, max_value=dialects.MOST_COLUMNS, default=50)
    encoding = encoding_field(required=False)
    delimiter = delimiter_field(required=False)
    decimal_sign = decimal_field(required=False)


class FileViewSet(Listed, Retrieved, RowViewSet):
    """Files of numbers (CSV). Everybody sees their own; admins see all."""

    tag = "Files"
    queryset = FileUpload.objects.all()
    serializer_class = FileDetailSerializer
    filterset_class = FileFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
        "name": ("original_filename", "pk"),
        "largest": ("-file_size", "-pk"),
    }
    query_parameters: ClassVar[Mapping[str, Sequence[str]]] = {
        "preview": ("rows", "columns", "encoding", "delimiter", "decimal_sign")
    }
    permission: ClassVar[Mapping[str, str]] = {
        "list": _VIEW,
        "retrieve": _VIEW,
        "preview": _VIEW,
        "content": _VIEW,
        "create": _ADD,
        "merge": _ADD,
        "dialect": _CHANGE,
        "check": _CHANGE,
        "destroy": _CHANGE,
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ_FILES,
        "retrieve": READ_FILES,
        "preview": READ_FILES,
        "content": READ_FILES,
        "create": WRITE_FILES,
        "merge": WRITE_FILES,
        "dialect": WRITE_FILES,
        "check": WRITE_FILES,
        "destroy": WRITE_FILES,
    }
    refusals: ClassVar[Mapping[str, Sequence[Any]]] = {
        "create": (TABLE_TOO_LARGE, TABLE_TYPE, UNREADABLE)
    }

    # --- Reading --------------------------------------------------------------------------------

    def get_queryset(self) -> QuerySet[FileUpload]:
        """Every file that the database shows the caller; a list leaves the columns out."""
        rows = FileUpload.objects.all()
        if self.current_action() == "list":
            return rows.defer("header", "column_kinds", "remarks")
        return rows

    def get_serializer_class(self) -> type[FileSerializer]:
        """A list leaves the columns out."""
        return FileSerializer if self.current_action() == "list" else FileDetailSerializer

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "rows",
                {"type": "integer", "minimum": 1, "maximum": dialects.MOST_ROWS, "default": 20},
            ),
            OpenApiParameter(
                "columns",
                {"type": "integer", "minimum": 1, "maximum": dialects.MOST_COLUMNS, "default": 50},
            ),
            OpenApiParameter("encoding", str, description="As if it were read so."),
            OpenApiParameter("delimiter", str, description="As if it were read so."),
            OpenApiParameter("decimal_sign", str, description="As if it were read so."),
        ],
        responses=PreviewSerializer,
    )
    @action(detail=True)
    def preview(self, request: Request, pk: UUID) -> Response:
        """The first rows, as the file is read now or would be with another dialect."""
        file = self.get_object()
        query = _PreviewQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        asked: dict[str, Any] = query.validated_data
        said = {
            "encoding": asked.get("encoding"),
            "delimiter": asked.get("delimiter"),
            "decimal": asked.get("decimal_sign"),
        }
        chosen = file.dialect.as_json() | {name: value for name, value in said.items() if value}
        try:
            dialect = Dialect.from_json(chosen) if any(said.values()) else None
        except TableRefused as refused:
            raise ValidationError({"delimiter": [refused.reason]}) from None
        found = dialects.preview(
            file, rows=asked["rows"], columns=asked["columns"], dialect=dialect
        )
        return Response(
            {
                "header": found.header,
                "kinds": [kind.value for kind in found.kinds],
                "rows": found.rows,
                "problem": found.problem,
            }
        )

    @extend_schema(
        responses={
            (200, _CSV): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="Unchanged."),
        }
    )
    @action(detail=True, renderer_classes=[CsvRenderer])
    def content(self, request: Request, pk: UUID) -> HttpResponseBase:
        """The bytes as they were handed in, as a download; a merged file has only its parts'."""
        file = self.get_object()
        if file.is_merged:
            raise NotNow(f"{file} was joined from other files. Fetch its parts.")
        etag = f'"{file.sha256}"'
        if preconditions.is_unchanged(request, etag):
            return preconditions.not_modified(etag)
        stream = stored.open_bytes(file.original_filename, file.file_path or "")
        with transaction.atomic():
            record("file.downloaded", by=caller_of(request), subject=file)
        response = FileResponse(
            stream, as_attachment=True, filename=file.original_filename, content_type=_CSV
        )
        response["ETag"] = etag
        response["Cache-Control"] = "private, no-cache"
        response["X-Content-Type-Options"] = "nosniff"
        return response

    # --- Handing in -----------------------------------------------------------------------------

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """The limit of a file's size is in place before anything reads the request's body."""
        self.size_limit = SizeLimit(alone=True)
        if request.method == "POST":
            request.upload_handlers.insert(0, self.size_limit)
        made: Request = super().initialize_request(request, *args, **kwargs)
        return made

    def get_parsers(self) -> list[BaseParser]:
        """Files are taken by the upload alone."""
        named = getattr(self, "action", None) or action_of(self, self.request.method or "")
        return [MultiPartParser()] if named == "create" else super().get_parsers()

    @extend_schema(
        request={"multipart/form-data": FileToUploadSerializer},
        responses={201: UploadedFileSerializer, 200: UploadedFileSerializer},
    )
    def create(self, request: Request) -> Response:
        """Hand in a file; a small one is checked at once, a large one by a worker.

        201 for a new file; 200, with its address, for bytes that the caller handed in before. What
        is wrong inside the file does not keep it out: its `status` is `failed`, and
        `error_message` says what. Problems: `table-too-large`, `table-type-refused`,
        `table-unreadable` (empty), `storage-failed`.
        """
        upload = uploads.take(request, self.size_limit)
        file = self.get_queryset().get(pk=upload.file.pk)
        status, header = (201, "Location") if upload.created else (200, "Content-Location")
        response = self.shown(file, status=status)
        response[header] = _address(file)
        job_id = str(upload.job.pk) if upload.job else None
        response.data = {**response.data, "created": upload.created, "job_id": job_id}
        return response

    @extend_schema(request=FilesToMergeSerializer, responses={201: FileDetailSerializer})
    @action(detail=False, methods=["post"])
    def merge(self, request: Request) -> Response:
        """Join files with the same columns into one, in the order given; they themselves stay."""
        values = checked(FilesToMergeSerializer(data=request.data))
        made = files.merge(values["file_ids"], by=caller_of(request), name=values.get("name", ""))
        return self.made(self.get_queryset().get(pk=made.pk), "file-detail")

    # --- Changing -------------------------------------------------------------------------------

    @extend_schema(request=DialectSerializer, responses=FileDetailSerializer)
    @action(detail=True, methods=["post"])
    def dialect(self, request: Request, pk: UUID) -> Response:
        """Say how the file is to be read; it is checked anew."""
        file = self.get_object()
        values = checked(DialectSerializer(data=request.data))
        try:
            made = dialects.confirm(
                file.pk,
                encoding=values["encoding"],
                delimiter=values["delimiter"],
                decimal=values["decimal_sign"],
                by=caller_of(request),
            )
        except DialectRefused as refused:
            raise ValidationError({"delimiter": [str(refused)]}) from None
        return self.changed(made)

    @extend_schema(request=None, responses=FileDetailSerializer)
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: UUID) -> Response:
        """Check the file once more."""
        return self.changed(checks.again(self.get_object().pk, by=caller_of(request)))

    @extend_schema(responses={204: OpenApiResponse(description="Removed.")})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove the file; its bytes go when no other file needs them."""
        with self.changing() as file:
            files.remove(file.pk, by=caller_of(request))
        return Response(status=204)


def _address(file: FileUpload) -> str:
    return reverse("file-detail", kwargs={"pk": file.pk})
