include $(sort $(wildcard $(BR2_EXTERNAL_BLOCK66_PATH)/package/*/*.mk))
