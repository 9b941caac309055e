"""The site's addresses, and those of the tests."""

from django.urls import include, path

from config.api.routers import Router
from config.urls import urlpatterns as of_the_site
from tests.config.api import resources

router = Router()
router.register("pictures", resources.Pictures, basename="picture")

urlpatterns = [
    path("api/v1/", include(router.urls)),
    path("api/v1/failing/<str:kind>/", resources.Failing.as_view()),
    path("api/v1/refused/<str:kind>/", resources.Refused.as_view()),
    path("api/v1/echo/", resources.Echo.as_view()),
    path("api/v1/upload/", resources.Upload.as_view()),
    path("api/v1/who/", resources.Who.as_view()),
    path("api/v1/undeclared/", resources.Undeclared.as_view()),
    path("api/v1/limited/", resources.Limited.as_view()),
    *of_the_site,
]
