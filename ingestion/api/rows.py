"""Files as programs see them, and by what a list of them can be narrowed."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import django_filters
from drf_spectacular.utils import (
    OpenApiExample,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers

from config.api.filters import FilterSet, KeyFilter, MomentFilter, TextFilter, TruthFilter
from ingestion.models import FileStatus, FileUpload
from ingestion.reading import DECIMALS, DELIMITERS, ENCODINGS, ColumnKind

_ID: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e30"
_AT: Final = "2026-11-21T14:05:00.123456Z"
_SHA256: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
EXAMPLE: Final[dict[str, Any]] = {
    "id": _ID,
    "user_id": "01936f00-0000-7000-8000-000000000001",
    "original_filename": "press-3-november.csv",
    "file_size": 4218093,
    "sha256": _SHA256,
    "status": "ready",
    "error_message": None,
    "encoding": "utf-8",
    "delimiter": ",",
    "decimal_sign": ".",
    "dialect_confirmed": False,
    "waits_for_confirmation": False,
    "is_merged": False,
    "row_count": 219,
    "column_count": 1030,
    "checked_at": _AT,
    "created_at": _AT,
    "updated_at": _AT,
}
_REMARK: Final = {"column": "f_17", "cells": 3, "row": 118, "line": 119, "text": "NaN"}
_DETAIL: Final = EXAMPLE | {
    "dialect_doubts": [],
    "header": ["segID", "participant", "f_0", "f_17"],
    "column_kinds": ["number", "text", "number", "mostly_number"],
    "column_count": 4,
    "remarks": [_REMARK],
    "merged_files": None,
}


@extend_schema_serializer(examples=[OpenApiExample("File", EXAMPLE, response_only=True)])
class FileSerializer(serializers.ModelSerializer[FileUpload]):
    """A file, without the names of its columns."""

    user_id = serializers.UUIDField(read_only=True, help_text="Whose file it is.")
    status = serializers.ChoiceField(choices=FileStatus.choices, read_only=True)
    error_message = serializers.CharField(
        read_only=True,
        allow_null=True,
        help_text="The first thing that is wrong: file, row, line, column.",
    )
    waits_for_confirmation = serializers.BooleanField(
        read_only=True, help_text="Whether somebody must say how it is to be read."
    )
    is_merged = serializers.BooleanField(read_only=True)

    class Meta:
        model = FileUpload
        fields: tuple[str, ...] = tuple(EXAMPLE)
        read_only_fields = fields


class RemarkSerializer(serializers.Serializer[Any]):
    """A column of numbers with cells that are none, and the first of them."""

    file = serializers.CharField(required=False, help_text="In a merged file: the part.")
    column = serializers.CharField()
    cells = serializers.IntegerField()
    row = serializers.IntegerField(help_text="Of data, from 1.")
    line = serializers.IntegerField(help_text="Of the file, from 1.")
    text = serializers.CharField(help_text="What the cell says.", allow_blank=True)


class PartSerializer(serializers.Serializer[Any]):
    """A part of a merged file."""

    id = serializers.UUIDField()
    original_filename = serializers.CharField()
    sha256 = serializers.CharField()
    file_size = serializers.IntegerField()
    row_count = serializers.IntegerField()


@extend_schema_serializer(examples=[OpenApiExample("File", _DETAIL, response_only=True)])
class FileDetailSerializer(FileSerializer):
    """A file with the names of its columns and what is in them."""

    dialect_doubts = serializers.SerializerMethodField(
        help_text="Why somebody should say how it is to be read."
    )
    header = serializers.SerializerMethodField(help_text="The names of the columns, in order.")
    column_kinds = serializers.SerializerMethodField(help_text="What each column holds.")
    remarks = serializers.SerializerMethodField()
    merged_files = serializers.SerializerMethodField(help_text="The parts, in order.")

    class Meta(FileSerializer.Meta):
        fields = tuple(_DETAIL)
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_dialect_doubts(self, file: FileUpload) -> list[str]:
        """Sentences."""
        return list(file.dialect_doubts)

    @extend_schema_field(serializers.ListField(child=serializers.CharField(), allow_null=True))
    def get_header(self, file: FileUpload) -> list[str] | None:
        """Null before it was checked."""
        return file.header

    @extend_schema_field(
        serializers.ListField(
            child=serializers.ChoiceField(choices=[kind.value for kind in ColumnKind]),
            allow_null=True,
        )
    )
    def get_column_kinds(self, file: FileUpload) -> list[str] | None:
        """Null before it was checked."""
        return file.column_kinds

    @extend_schema_field(RemarkSerializer(many=True))
    def get_remarks(self, file: FileUpload) -> list[dict[str, Any]]:
        """At most a hundred."""
        return list(file.remarks)

    @extend_schema_field(PartSerializer(many=True, allow_null=True))
    def get_merged_files(self, file: FileUpload) -> list[dict[str, Any]] | None:
        """Null for a file that was handed in as it is."""
        if file.merged_files is None:
            return None
        shown = ("id", "original_filename", "sha256", "file_size", "row_count")
        return [{name: part.get(name) for name in shown} for part in file.merged_files]


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "New",
            _DETAIL | {"created": True, "job_id": None},
            response_only=True,
            status_codes=["201"],
        ),
        OpenApiExample(
            "The caller handed in the same bytes before",
            _DETAIL | {"created": False, "job_id": None},
            response_only=True,
            status_codes=["200"],
        ),
    ]
)
class UploadedFileSerializer(FileDetailSerializer):
    """What became of an upload."""

    created = serializers.BooleanField(
        read_only=True, help_text="False where the caller handed in the same bytes before."
    )
    job_id = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="The check that a large file waits for."
    )

    class Meta(FileDetailSerializer.Meta):
        fields = (*FileDetailSerializer.Meta.fields, "created", "job_id")
        read_only_fields = fields


def encoding_field(**options: Any) -> serializers.ChoiceField:
    """How bytes become letters."""
    return serializers.ChoiceField(choices=list(ENCODINGS.items()), **options)


def delimiter_field(**options: Any) -> serializers.ChoiceField:
    """What parts the cells."""
    return serializers.ChoiceField(choices=list(DELIMITERS.items()), **options)


def decimal_field(**options: Any) -> serializers.ChoiceField:
    """What parts whole numbers from their fractions."""
    return serializers.ChoiceField(choices=list(DECIMALS.items()), **options)


class FileToUploadSerializer(serializers.Serializer[Any]):
    """A file to be taken in. What is left out is found by looking into it."""

    file = serializers.FileField(allow_empty_file=True, help_text="The file, as it is.")
    encoding = encoding_field(required=False)
    delimiter = delimiter_field(required=False)
    decimal_sign = decimal_field(required=False)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A file from a German Excel",
            {"encoding": "cp1252", "delimiter": ";", "decimal_sign": ","},
            request_only=True,
        )
    ]
)
class DialectSerializer(serializers.Serializer[Any]):
    """How a file is to be read."""

    encoding = encoding_field()
    delimiter = delimiter_field()
    decimal_sign = decimal_field(default=".")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Two weeks in one",
            {
                "file_ids": [_ID, "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e31"],
                "name": "press-3-november-and-december.csv",
            },
            request_only=True,
        )
    ]
)
class FilesToMergeSerializer(serializers.Serializer[Any]):
    """Files to be joined, in this order."""

    file_ids = serializers.ListField(child=serializers.UUIDField(), min_length=2, max_length=1000)
    name = serializers.CharField(
        max_length=255, required=False, help_text="What the whole is called."
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "First rows",
            {
                "header": ["segID", "participant", "f_0"],
                "kinds": ["number", "text", "number"],
                "rows": [["1", "p1", "0.25"], ["2", "p1", "0.75"]],
                "problem": "",
            },
            response_only=True,
        )
    ]
)
class PreviewSerializer(serializers.Serializer[Any]):
    """The first rows of a file, as far as it can be read."""

    header = serializers.ListField(child=serializers.CharField())
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=[kind.value for kind in ColumnKind]),
        help_text="What each column holds, in these rows.",
    )
    rows = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(allow_blank=True))
    )
    problem = serializers.CharField(
        allow_blank=True, help_text="What stopped reading, if anything did."
    )


class FileFilters(FilterSet):
    """Filters of the list of files."""

    status = django_filters.MultipleChoiceFilter(
        choices=FileStatus.choices, distinct=False, help_text="May be given more than once."
    )
    user_id = KeyFilter(help_text="The key of a person; others' files are seen by admins alone.")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")
    is_merged = TruthFilter(
        field_name="merged_files",
        lookup_expr="isnull",
        exclude=True,
        help_text="Whether it was joined from others.",
    )
    sha256 = TextFilter(help_text="The SHA-256 of the bytes.")
    name = TextFilter(
        field_name="original_filename",
        lookup_expr="icontains",
        help_text="Text within the file's name.",
    )

    class Meta:
        model = FileUpload
        fields: ClassVar[list[str]] = []
