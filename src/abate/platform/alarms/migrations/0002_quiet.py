from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("alarms", "0001_initial")]

    operations = [migrations.AddField("Alarm", "quiet", models.BooleanField(db_default=False))]
