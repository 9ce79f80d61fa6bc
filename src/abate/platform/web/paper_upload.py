"""Files of forms stay in memory: what is uploaded is a qualification or an identity, and no disk sees it in clear."""

from __future__ import annotations

from io import BytesIO

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from abate.platform.joining.papers import LARGEST


class InMemory(FileUploadHandler):
    """Takes up to one document's size in all of a form's files together; what is larger is cut off, and then there is none."""

    def __init__(self, request: object = None) -> None:
        super().__init__(request)
        self._size = 0

    def new_file(self, *args: object, **kwargs: object) -> None:
        super().new_file(*args, **kwargs)
        self._held = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._size += len(raw_data)
        if self._size > LARGEST:
            raise StopUpload(connection_reset=True)
        self._held.write(raw_data)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self._held.seek(0)
        return InMemoryUploadedFile(
            self._held, self.field_name, self.file_name, self.content_type, file_size, self.charset,
            self.content_type_extra,
        )  # fmt: skip
